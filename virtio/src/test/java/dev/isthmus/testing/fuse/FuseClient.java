// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.fuse;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import dev.isthmus.fuse.FuseProtocol;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.device.ManualEventLoop;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.PackedQueueDriver;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.RingDriver;
import dev.isthmus.testing.virtio.VirtioDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.fs.VirtioFs;

/**
 * A file system device behind its transport, with a driver that sends FUSE requests: for a device whose executor runs tasks
 * when they are submitted.
 */
public final class FuseClient {
    /** Size of the queues. */
    public static final int QUEUE_SIZE = 16;

    /** Where requests are put. */
    public static final long REQUEST_GPA = 0x10_0000;

    /** Where answers are put. */
    public static final long ANSWER_GPA = 0x40_0000;

    /** Number of the high-priority queue. */
    public static final int HIPRIO = 0;

    /** Number of the first request queue. */
    public static final int REQUESTS = 1;

    private static final int MEMORY_BYTES = 0x80_0000;
    private static final int ROOM_BYTES = 4096;
    private static final byte UNTOUCHED = (byte) 0xee;

    /** The guest's memory. */
    public final GuestMemory memory;

    /** The device's loop. */
    public final ManualEventLoop loop = new ManualEventLoop();

    /** The transport. */
    public final VirtioRig rig;

    private final VirtioDriver driver;
    private final boolean packed;
    private RingDriver[] queues = new RingDriver[0];

    /** Puts a device behind a transport, with memory for answers of 4 MiB. */
    public FuseClient(VirtioRig.Carrier carrier, VirtioFs device, boolean packed) {
        this(carrier, device, packed, FakeGuestMemory.ofBytes(MEMORY_BYTES));
    }

    /** Puts a device behind a transport; of the memory, which may be used again and again, {@link #ANSWER_GPA} must exist. */
    public FuseClient(VirtioRig.Carrier carrier, VirtioFs device, boolean packed, GuestMemory memory) {
        this.memory = memory;
        this.rig = new VirtioRig(carrier, device, memory, loop);
        this.driver = rig.driver();
        this.packed = packed;
    }

    /** Brings the device up, without a session. */
    public void bringUp(long features) {
        long ring = packed ? VirtioFeatures.VIRTIO_F_RING_PACKED : 0;
        if (!driver.negotiate(features | ring | VirtioFeatures.VIRTIO_F_VERSION_1)) {
            throw new AssertionError("features refused");
        }
        queues = new RingDriver[2];
        for (int i = 0; i < queues.length; i++) {
            long gpa = 0x1000 + 0x4000L * i;
            queues[i] = packed
                    ? new PackedQueueDriver(memory, gpa, QUEUE_SIZE, false)
                    : new QueueDriver(memory, gpa, QUEUE_SIZE, false);
            driver.setUpQueue(i, queues[i]);
        }
        driver.driverOk();
    }

    /** Brings the device up and begins a session, as Linux does. */
    public FuseReply start() {
        bringUp(0);
        return call(FuseRequest.init(FuseProtocol.FUSE_KERNEL_VERSION, 41, -1));
    }

    /** Returns the driver. */
    public VirtioDriver driver() {
        return driver;
    }

    /** Returns a queue. */
    public RingDriver queue(int index) {
        return queues[index];
    }

    /** Sends a request with room for an answer of a page. */
    public FuseReply call(FuseRequest request) {
        return call(request.toBytes(), ROOM_BYTES);
    }

    /** Sends a request with so much room for its answer. */
    public FuseReply call(FuseRequest request, int roomBytes) {
        return call(request.toBytes(), roomBytes);
    }

    /** Sends bytes as a request, with so much room for its answer, which may be none. */
    public FuseReply call(byte[] request, int roomBytes) {
        memory.write(REQUEST_GPA, request, 0, request.length);
        byte[] room = new byte[roomBytes];
        Arrays.fill(room, UNTOUCHED);
        memory.write(ANSWER_GPA, room, 0, roomBytes);
        Buffer readable = Buffer.readable(REQUEST_GPA, request.length);
        if (roomBytes == 0) {
            queues[REQUESTS].offer(readable);
        } else {
            queues[REQUESTS].offer(readable, Buffer.writable(ANSWER_GPA, roomBytes));
        }
        notifyQueue(REQUESTS);
        return take(roomBytes);
    }

    /** Sends a request in one piece of memory each for header, arguments and answer in parts of so many bytes. */
    public FuseReply callInPieces(FuseRequest request, int pieceBytes, int roomBytes) {
        byte[] bytes = request.toBytes();
        memory.write(REQUEST_GPA, bytes, 0, bytes.length);
        List<Buffer> buffers = new ArrayList<>();
        for (int i = 0; i < bytes.length; i += pieceBytes) {
            buffers.add(Buffer.readable(REQUEST_GPA + i, Math.min(pieceBytes, bytes.length - i)));
        }
        for (int i = 0; i < roomBytes; i += pieceBytes) {
            buffers.add(Buffer.writable(ANSWER_GPA + i, Math.min(pieceBytes, roomBytes - i)));
        }
        queues[REQUESTS].addIndirect(0x2_0000, buffers.toArray(Buffer[]::new));
        queues[REQUESTS].publish();
        notifyQueue(REQUESTS);
        return take(roomBytes);
    }

    /** Sends a request that is not answered through a queue; returns the used length. */
    public long tell(int queueIndex, FuseRequest request) {
        byte[] bytes = request.toBytes();
        memory.write(REQUEST_GPA, bytes, 0, bytes.length);
        queues[queueIndex].offer(Buffer.readable(REQUEST_GPA, bytes.length));
        notifyQueue(queueIndex);
        if (!queues[queueIndex].pollUsed()) {
            throw new AssertionError("not used");
        }
        return queues[queueIndex].usedLengthBytes();
    }

    /** Notifies the device and has the loop run. */
    public void notifyQueue(int index) {
        driver.notifyQueue(index);
        loop.runReady();
    }

    private FuseReply take(int roomBytes) {
        if (!queues[REQUESTS].pollUsed()) {
            throw new AssertionError("not used");
        }
        byte[] answer = new byte[roomBytes];
        memory.read(ANSWER_GPA, answer, 0, roomBytes);
        return new FuseReply(queues[REQUESTS].usedLengthBytes(), answer);
    }

    // Requests as Linux makes them.

    /** Looks an entry up. */
    public FuseReply lookup(long directory, String name) {
        return call(new FuseRequest(FuseProtocol.FUSE_LOOKUP, directory).text(name));
    }

    /** Looks an entry up that is there; returns its node. */
    public long find(long directory, String name) {
        FuseReply reply = lookup(directory, name);
        if (reply.error() != 0) {
            throw new AssertionError(name + ": " + reply.error());
        }
        return reply.u64(0);
    }

    /** Asks for attributes; the {@code struct fuse_attr} begins 16 bytes into the answer. */
    public FuseReply getAttributes(long node) {
        return call(new FuseRequest(FuseProtocol.FUSE_GETATTR, node).u64(0).u64(0));
    }

    /** Opens a file. */
    public FuseReply open(long node, int flags) {
        return call(new FuseRequest(FuseProtocol.FUSE_OPEN, node).u32(flags).u32(0));
    }

    /** Makes a file and opens it; the file's number is 128 bytes into the answer. */
    public FuseReply create(long directory, String name, int flags, int mode) {
        return call(new FuseRequest(FuseProtocol.FUSE_CREATE, directory)
                .u32(flags)
                .u32(mode)
                .u32(0)
                .u32(0)
                .text(name));
    }

    /** Reads from a file. */
    public FuseReply read(long node, long file, long offset, int size) {
        return call(readOf(FuseProtocol.FUSE_READ, node, file, offset, size), size + 16);
    }

    /** Returns a READ, READDIR or READDIRPLUS. */
    public static FuseRequest readOf(int opcode, long node, long file, long offset, long size) {
        return new FuseRequest(opcode, node).u64(file).u64(offset).u32(size).u32(0).u64(0).u64(0);
    }

    /** Writes to a file. */
    public FuseReply write(long node, long file, long offset, byte[] data) {
        return call(writeOf(node, file, offset, data, 0));
    }

    /** Returns a WRITE with flags. */
    public static FuseRequest writeOf(long node, long file, long offset, byte[] data, int flags) {
        return writeOf(node, file, offset, data, flags, 0);
    }

    /** Returns a WRITE with flags, and with those of the client's descriptor. */
    public static FuseRequest writeOf(long node, long file, long offset, byte[] data, int flags, int openFlags) {
        return new FuseRequest(FuseProtocol.FUSE_WRITE, node, 1000, 1000)
                .u64(file)
                .u64(offset)
                .u32(data.length)
                .u32(flags)
                .u64(0)
                .u32(openFlags)
                .u32(0)
                .raw(data);
    }

    /** Opens a directory; returns its number. */
    public long openDirectory(long node) {
        return call(new FuseRequest(FuseProtocol.FUSE_OPENDIR, node).u64(0)).u64(0);
    }

    /** Closes a file or, by the other opcode, a directory. */
    public FuseReply release(int opcode, long node, long file) {
        return call(new FuseRequest(opcode, node).u64(file).u64(0).u64(0));
    }

    /** Takes lookups back. */
    public void forget(long node, long lookups) {
        tell(HIPRIO, new FuseRequest(FuseProtocol.FUSE_FORGET, node).u64(lookups));
    }
}
