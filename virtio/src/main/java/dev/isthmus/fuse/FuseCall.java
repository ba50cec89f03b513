// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.ScatterList;
import dev.isthmus.virtio.queue.ChainReader;
import dev.isthmus.virtio.queue.ChainWriter;
import dev.isthmus.virtio.queue.DescriptorChain;

/**
 * A request on a worker: its header and arguments, read once, the room for its answer, and the nodes and files that it
 * uses. Each worker has one, which it uses for all its requests, so that they allocate nothing.
 */
final class FuseCall {
    /** The longest value of an extended attribute (XATTR_SIZE_MAX), and what a listing may have (XATTR_LIST_MAX). */
    static final int XATTR_BYTES_MAX = 1 << 16;

    /** The longest target of a symbolic link: PATH_MAX without the zero. */
    static final int LINK_BYTES_MAX = 4095;

    private static final CallsOfThread CALLS = new CallsOfThread();

    /** A class and not {@code ThreadLocal.withInitial}, whose lambda would be spun while a VM starts. */
    private static final class CallsOfThread extends ThreadLocal<FuseCall> {
        @Override
        protected FuseCall initialValue() {
            return new FuseCall();
        }
    }

    private final ChainReader reader = new ChainReader();
    private final ChainWriter writer = new ChainWriter();
    private final ScatterList data = new ScatterList();
    private final Caller caller = new Caller();
    private final FileName name = new FileName();
    private final FileName otherName = new FileName();
    private final GuestText text = new GuestText(LINK_BYTES_MAX);
    private final FileAttributes attributes = new FileAttributes();
    private final AttributeChange change = new AttributeChange();
    private final FolderSpace space = new FolderSpace();
    private final DirectoryEntries entries = new DirectoryEntries();

    /** Made with the first extended attribute, which many guests never ask for. */
    private @Nullable MemorySegment bytes;

    private @Nullable NodeTable nodes;
    private @Nullable FileTable files;
    private @Nullable DescriptorChain chain;
    private long lengthBytes;
    private int opcode;
    private long unique;
    private long nodeId;

    private @Nullable Node node;
    private @Nullable Node otherNode;
    private @Nullable OpenFile file;
    private @Nullable OpenFile otherFile;

    private FuseCall() {}

    /** Returns the calling thread's. */
    static FuseCall current() {
        return CALLS.get();
    }

    /**
     * Begins a request: reads the header, which the chain must have.
     *
     * @param newNodes where the request's nodes are
     * @param newFiles where its files are
     * @return whether it says a length that the chain has
     */
    boolean begin(NodeTable newNodes, FileTable newFiles, DescriptorChain newChain) {
        nodes = newNodes;
        files = newFiles;
        chain = newChain;
        reader.reset(newChain);
        writer.reset(newChain);
        long totalBytes = reader.remainingBytes();
        lengthBytes = reader.readU32();
        opcode = (int) reader.readU32();
        unique = reader.readU64();
        nodeId = reader.readU64();
        long uid = reader.readU32();
        long gid = reader.readU32();
        caller.set((int) uid, (int) gid);
        reader.skip(Long.BYTES);
        return lengthBytes >= FuseProtocol.IN_HEADER_BYTES && lengthBytes <= totalBytes;
    }

    /** Releases what the request has used. */
    void end() {
        release(node);
        node = null;
        release(otherNode);
        otherNode = null;
        release(file);
        file = null;
        release(otherFile);
        otherFile = null;
        nodes = null;
        files = null;
        chain = null;
        data.clear();
    }

    private void release(@Nullable Node used) {
        if (used != null && nodes != null) {
            nodes.release(used);
        }
    }

    private void release(@Nullable OpenFile used) {
        if (used != null && files != null) {
            files.unpin(used);
        }
    }

    private static <T> T begun(@Nullable T part) {
        if (part == null) {
            throw new IllegalStateException("No request");
        }
        return part;
    }

    int opcode() {
        return opcode;
    }

    long unique() {
        return unique;
    }

    long nodeId() {
        return nodeId;
    }

    Caller caller() {
        return caller;
    }

    // Arguments.

    /** Returns how many bytes of the request are not read yet. */
    long argumentBytes() {
        return lengthBytes - reader.positionBytes();
    }

    /** Tells whether so many bytes of the request are left to read. */
    boolean hasArgument(int bytesWanted) {
        return argumentBytes() >= bytesWanted;
    }

    ChainReader reader() {
        return reader;
    }

    /** Reads the next argument as a name; returns 0 or the error number. */
    int readName() {
        return readName(name);
    }

    /** Reads the next argument as a second name; returns 0 or the error number. */
    int readOtherName() {
        return readName(otherName);
    }

    private int readName(FileName target) {
        int error = text.read(reader, argumentBytes());
        return error != 0 ? error : target.set(text.memory(), 0, text.lengthBytes());
    }

    /** Reads the next argument as a text that may be anything; returns 0 or the error number. */
    int readText() {
        return text.read(reader, argumentBytes());
    }

    FileName name() {
        return name;
    }

    FileName otherName() {
        return otherName;
    }

    GuestText text() {
        return text;
    }

    AttributeChange change() {
        return change;
    }

    // What the request uses.

    /** Finds the node that the request is about; null where the client has none of that number. */
    @Nullable Node node() {
        if (node == null) {
            node = begun(nodes).acquire(nodeId);
        }
        return node;
    }

    /** Finds a second node. */
    @Nullable Node otherNode(long id) {
        otherNode = begun(nodes).acquire(id);
        return otherNode;
    }

    /** Finds an open file; null where the client has none of that number. */
    @Nullable OpenFile file(long id) {
        file = begun(files).acquire(id);
        return file;
    }

    /** Finds a second open file. */
    @Nullable OpenFile otherFile(long id) {
        otherFile = begun(files).acquire(id);
        return otherFile;
    }

    FileAttributes attributes() {
        return attributes;
    }

    FolderSpace space() {
        return space;
    }

    DirectoryEntries entries() {
        return entries;
    }

    /** Returns {@link #XATTR_BYTES_MAX} bytes of native memory. */
    MemorySegment bytes() {
        MemorySegment memory = bytes;
        if (memory == null) {
            memory = Arena.ofAuto().allocate(XATTR_BYTES_MAX);
            bytes = memory;
        }
        return memory;
    }

    // The answer.

    /** Tells whether there is room for the header of an answer. */
    boolean hasRoomForHeader() {
        return writer.remainingBytes() >= FuseProtocol.OUT_HEADER_BYTES;
    }

    /** Leaves the room for the header, which {@link #writeHeader} fills. */
    void skipHeader() {
        writer.writeU64(0);
        writer.writeU64(0);
    }

    /** Returns how many bytes of an answer fit behind what is written. */
    long roomBytes() {
        return writer.remainingBytes();
    }

    ChainWriter writer() {
        return writer;
    }

    /** Returns how many bytes of the answer were written after its header. */
    long writtenBytes() {
        return writer.writtenBytes() - FuseProtocol.OUT_HEADER_BYTES;
    }

    /** Writes the header of the answer. */
    void writeHeader(long payloadBytes, int error) {
        writer.reset(begun(chain));
        writer.writeU32(FuseProtocol.OUT_HEADER_BYTES + payloadBytes);
        writer.writeU32(-(long) error);
        writer.writeU64(unique);
    }

    /** Returns the memory for so many bytes of the answer, right behind its header. */
    ScatterList answerMemory(long bytesWanted) {
        data.clear();
        data.addSlice(begun(chain).writable(), FuseProtocol.OUT_HEADER_BYTES, bytesWanted);
        return data;
    }

    /** Returns the memory of so many bytes of arguments, from the next on. */
    ScatterList argumentMemory(long bytesWanted) {
        data.clear();
        data.addSlice(begun(chain).readable(), reader.positionBytes(), bytesWanted);
        return data;
    }

    /** Copies bytes of arguments into {@link #bytes}. */
    MemorySegment readBytes(int count) {
        MemorySegment memory = bytes();
        for (int i = 0; i < count; i++) {
            memory.set(ValueLayout.JAVA_BYTE, i, (byte) reader.readU8());
        }
        return memory.asSlice(0, count);
    }

    /** Writes bytes to the answer. */
    void writeBytes(MemorySegment source, int count) {
        for (int i = 0; i < count; i++) {
            writer.writeU8(source.get(ValueLayout.JAVA_BYTE, i));
        }
    }
}
