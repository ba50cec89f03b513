// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import dev.isthmus.device.FaultLog;
import dev.isthmus.virtio.queue.ChainReader;
import dev.isthmus.virtio.queue.ChainWriter;
import dev.isthmus.virtio.queue.DescriptorChain;

/**
 * Answers the requests of one client to one folder.
 *
 * <pre>
 *  state    in                    out       served
 *  fresh    start; end; DESTROY   INIT      INIT; all others EIO
 *  ready    INIT                  end; DESTROY; another INIT begins anew
 * </pre>
 *
 * <p>{@link #handle} is for any number of worker threads at once; what they share are the tables, which have their locks.
 */
public final class FuseServer {
    /** What is asked of the client's side, as far as it offers it. */
    static final int WANTED_FLAGS = FuseProtocol.FUSE_ASYNC_READ
            | FuseProtocol.FUSE_ATOMIC_O_TRUNC
            | FuseProtocol.FUSE_BIG_WRITES
            | FuseProtocol.FUSE_AUTO_INVAL_DATA
            | FuseProtocol.FUSE_DO_READDIRPLUS
            | FuseProtocol.FUSE_READDIRPLUS_AUTO
            | FuseProtocol.FUSE_ASYNC_DIO
            | FuseProtocol.FUSE_PARALLEL_DIROPS
            | FuseProtocol.FUSE_MAX_PAGES
            | FuseProtocol.FUSE_HANDLE_KILLPRIV_V2
            | FuseProtocol.FUSE_INIT_EXT;

    private static final int INIT_IN_BYTES = 16;

    /** Most requests that the client may have on its way without waiting for them: no limit of ours. */
    private static final int MAX_BACKGROUND = 0xffff;

    private final FaultLog faults;
    private final NodeTable nodes;
    private final FileTable files;
    private final NodeRequests nodeRequests;
    private final FileRequests fileRequests;
    private final DirectoryRequests directoryRequests;
    private final XattrRequests xattrRequests;
    private volatile boolean ready;

    /**
     * Makes a server.
     *
     * @param folder what it shares; must outlive the server
     * @param options the rest
     * @param faults where what the client gets wrong is noted
     */
    public FuseServer(SharedFolder folder, FuseOptions options, FaultLog faults) {
        FileAttributes rootAttributes = new FileAttributes();
        long result = folder.attributes(folder.root(), rootAttributes);
        if (result < 0 || rootAttributes.type() != FileAttributes.S_IFDIR) {
            throw new IllegalArgumentException("The folder has no root: " + result);
        }
        this.faults = faults;
        this.nodes = new NodeTable(folder, rootAttributes, options.nodesMax());
        this.files = new FileTable(folder, options.filesMax());
        Replies replies = new Replies(folder, nodes, options.cache());
        this.nodeRequests = new NodeRequests(folder, replies);
        this.fileRequests = new FileRequests(folder, files, replies, options.cache());
        this.directoryRequests = new DirectoryRequests(folder, files, replies, options.cache(), rootAttributes.inode);
        this.xattrRequests = new XattrRequests(folder);
    }

    /** Returns how many files the client knows, the root included. */
    public int nodeCount() {
        return nodes.count();
    }

    /** Returns how many files and directories the client has open. */
    public int fileCount() {
        return files.count();
    }

    /** Ends the session: closes all that the client has. What is in use by a request is closed when that ends. */
    public void end() {
        ready = false;
        files.clear();
        nodes.clear();
    }

    /**
     * Carries out a request and writes its answer. May block. Throws nothing but what the folder does, and then the answer
     * has been written as well.
     *
     * @param chain with at least {@link FuseProtocol#IN_HEADER_BYTES} device-readable bytes; owned by the caller
     * @param outcome takes what became of it
     */
    public void handle(DescriptorChain chain, FuseOutcome outcome) {
        outcome.begin();
        FuseCall call = FuseCall.current();
        boolean sound = call.begin(nodes, files, chain);
        outcome.setOpcode(call.opcode());
        // What is never answered needs no room for an answer.
        boolean answered = isAnswered(call.opcode());
        if (answered && !call.hasRoomForHeader()) {
            faults.report("request without room for an answer");
            outcome.setError(FuseErrno.EINVAL);
            call.end();
            return;
        }
        long result = -FuseErrno.EIO;
        try {
            if (answered) {
                call.skipHeader();
            }
            result = sound ? perform(call) : refuse("request of a wrong length");
        } finally {
            answer(call, result, answered, outcome);
            call.end();
        }
    }

    /**
     * Answers a request that is not going to be carried out: with EIO.
     *
     * @param chain as for {@link #handle}
     */
    public void refuse(DescriptorChain chain, FuseOutcome outcome) {
        outcome.begin();
        FuseCall call = FuseCall.current();
        call.begin(nodes, files, chain);
        outcome.setOpcode(call.opcode());
        answer(call, -FuseErrno.EIO, isAnswered(call.opcode()) && call.hasRoomForHeader(), outcome);
        call.end();
    }

    private static boolean isAnswered(int opcode) {
        return switch (opcode) {
            case FuseProtocol.FUSE_FORGET, FuseProtocol.FUSE_BATCH_FORGET, FuseProtocol.FUSE_INTERRUPT -> false;
            default -> true;
        };
    }

    private void answer(FuseCall call, long result, boolean answered, FuseOutcome outcome) {
        if (!answered) {
            outcome.setError((int) -result);
            return;
        }
        boolean failed = result < 0;
        long payloadBytes = failed ? 0 : result;
        int error = failed ? (int) -result : 0;
        boolean write = call.opcode() == FuseProtocol.FUSE_WRITE && !failed;
        if (write) {
            outcome.setPayloadBytes(result);
            payloadBytes = FuseProtocol.WRITE_OUT_BYTES;
        } else if (call.opcode() == FuseProtocol.FUSE_READ) {
            outcome.setPayloadBytes(payloadBytes);
        }
        if (error == FuseErrno.ENFILE) {
            faults.report("the guest uses more files than the host allows for (see its limit of open files)");
        }
        call.writeHeader(payloadBytes, error);
        outcome.setError(error);
        outcome.setUsedBytes(FuseProtocol.OUT_HEADER_BYTES + payloadBytes);
    }

    private long refuse(String reason) {
        faults.report(reason);
        return -FuseErrno.EINVAL;
    }

    /** Returns the size of the answer after its header, or a negated error number. */
    private long perform(FuseCall call) {
        int opcode = call.opcode();
        if (opcode == FuseProtocol.FUSE_INIT) {
            return init(call);
        }
        if (!ready) {
            return -FuseErrno.EIO;
        }
        return switch (opcode) {
            case FuseProtocol.FUSE_LOOKUP -> nodeRequests.lookup(call);
            case FuseProtocol.FUSE_FORGET -> forget(call);
            case FuseProtocol.FUSE_BATCH_FORGET -> batchForget(call);
            case FuseProtocol.FUSE_GETATTR -> nodeRequests.getAttributes(call);
            case FuseProtocol.FUSE_SETATTR -> fileRequests.setAttributes(call);
            case FuseProtocol.FUSE_READLINK -> nodeRequests.readLink(call);
            case FuseProtocol.FUSE_SYMLINK -> nodeRequests.makeSymbolicLink(call);
            case FuseProtocol.FUSE_MKNOD -> nodeRequests.makeNode(call);
            case FuseProtocol.FUSE_MKDIR -> nodeRequests.makeDirectory(call);
            case FuseProtocol.FUSE_UNLINK -> nodeRequests.unlink(call, false);
            case FuseProtocol.FUSE_RMDIR -> nodeRequests.unlink(call, true);
            case FuseProtocol.FUSE_RENAME -> nodeRequests.rename(call, false);
            case FuseProtocol.FUSE_RENAME2 -> nodeRequests.rename(call, true);
            case FuseProtocol.FUSE_LINK -> nodeRequests.link(call);
            case FuseProtocol.FUSE_ACCESS -> nodeRequests.access(call);
            case FuseProtocol.FUSE_STATFS -> nodeRequests.space(call);
            case FuseProtocol.FUSE_OPEN -> fileRequests.open(call);
            case FuseProtocol.FUSE_CREATE -> fileRequests.create(call);
            case FuseProtocol.FUSE_TMPFILE -> fileRequests.createUnnamed(call);
            case FuseProtocol.FUSE_READ -> fileRequests.read(call);
            case FuseProtocol.FUSE_WRITE -> fileRequests.write(call);
            case FuseProtocol.FUSE_FLUSH -> fileRequests.flush(call);
            case FuseProtocol.FUSE_FSYNC, FuseProtocol.FUSE_FSYNCDIR -> fileRequests.sync(call);
            case FuseProtocol.FUSE_SYNCFS -> fileRequests.syncAll();
            case FuseProtocol.FUSE_RELEASE, FuseProtocol.FUSE_RELEASEDIR -> fileRequests.release(call);
            case FuseProtocol.FUSE_FALLOCATE -> fileRequests.allocate(call);
            case FuseProtocol.FUSE_LSEEK -> fileRequests.seek(call);
            case FuseProtocol.FUSE_COPY_FILE_RANGE -> fileRequests.copy(call);
            case FuseProtocol.FUSE_OPENDIR -> directoryRequests.open(call);
            case FuseProtocol.FUSE_READDIR -> directoryRequests.read(call, false);
            case FuseProtocol.FUSE_READDIRPLUS -> directoryRequests.read(call, true);
            case FuseProtocol.FUSE_SETXATTR -> xattrRequests.set(call);
            case FuseProtocol.FUSE_GETXATTR -> xattrRequests.get(call);
            case FuseProtocol.FUSE_LISTXATTR -> xattrRequests.list(call);
            case FuseProtocol.FUSE_REMOVEXATTR -> xattrRequests.remove(call);
            // Every request ends by itself soon enough; virtiofsd does the same.
            case FuseProtocol.FUSE_INTERRUPT -> 0;
            case FuseProtocol.FUSE_DESTROY -> destroy();
            // Locks among them: without FUSE_POSIX_LOCKS and FUSE_FLOCK_LOCKS the client keeps them to itself.
            default -> -FuseErrno.ENOSYS;
        };
    }

    private long destroy() {
        end();
        return 0;
    }

    private long init(FuseCall call) {
        if (!call.hasArgument(INIT_IN_BYTES)) {
            return refuse("INIT of a wrong length");
        }
        ChainReader reader = call.reader();
        long major = reader.readU32();
        long minor = reader.readU32();
        long readaheadBytes = reader.readU32();
        int offered = (int) reader.readU32();
        boolean extended = (offered & FuseProtocol.FUSE_INIT_EXT) != 0 && call.hasArgument(Integer.BYTES);
        int offered2 = extended ? (int) reader.readU32() : 0;
        if (call.roomBytes() < FuseProtocol.INIT_OUT_BYTES) {
            return refuse("INIT without room for its answer");
        }
        if (major < FuseProtocol.FUSE_KERNEL_VERSION
                || (major == FuseProtocol.FUSE_KERNEL_VERSION && minor < FuseProtocol.MINOR_VERSION_MIN)) {
            faults.report("FUSE version " + major + "." + minor + " is not served");
            return -FuseErrno.EPROTO;
        }
        ChainWriter writer = call.writer();
        writer.writeU32(FuseProtocol.FUSE_KERNEL_VERSION);
        writer.writeU32(FuseProtocol.FUSE_KERNEL_MINOR_VERSION);
        if (major > FuseProtocol.FUSE_KERNEL_VERSION) {
            // The client asks again, in our version.
            zero(writer, FuseProtocol.INIT_OUT_BYTES - 2 * Integer.BYTES);
            return FuseProtocol.INIT_OUT_BYTES;
        }
        end();
        int flags = offered & WANTED_FLAGS;
        writer.writeU32(Math.min(readaheadBytes, FuseProtocol.TRANSFER_BYTES_MAX));
        writer.writeU32(flags);
        writer.writeU16(MAX_BACKGROUND);
        writer.writeU16(MAX_BACKGROUND / 4 * 3);
        writer.writeU32(FuseProtocol.TRANSFER_BYTES_MAX);
        // Times are told to the nanosecond.
        writer.writeU32(1);
        writer.writeU16((flags & FuseProtocol.FUSE_MAX_PAGES) != 0 ? FuseProtocol.PAGES_MAX : 0);
        // No alignment of mappings.
        writer.writeU16(0);
        writer.writeU32(offered2 & FuseProtocol.FUSE_DIRECT_IO_ALLOW_MMAP_2);
        zero(writer, FuseProtocol.INIT_OUT_BYTES - 36);
        ready = true;
        return FuseProtocol.INIT_OUT_BYTES;
    }

    private static void zero(ChainWriter writer, int lengthBytes) {
        for (int i = 0; i < lengthBytes; i++) {
            writer.writeU8(0);
        }
    }

    private long forget(FuseCall call) {
        if (call.hasArgument(Long.BYTES)) {
            nodes.forget(call.nodeId(), call.reader().readU64());
        } else {
            return refuse("FORGET of a wrong length");
        }
        return 0;
    }

    private long batchForget(FuseCall call) {
        if (!call.hasArgument(Long.BYTES)) {
            return refuse("BATCH_FORGET of a wrong length");
        }
        ChainReader reader = call.reader();
        long count = reader.readU32();
        reader.skip(Integer.BYTES);
        // No more than there are, whatever the count says.
        for (long i = 0; i < count && call.hasArgument(2 * Long.BYTES); i++) {
            long nodeId = reader.readU64();
            long lookups = reader.readU64();
            nodes.forget(nodeId, lookups);
        }
        return 0;
    }
}
