// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.fuse;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.isthmus.fuse.AttributeChange;
import dev.isthmus.fuse.Caller;
import dev.isthmus.fuse.DirectoryEntries;
import dev.isthmus.fuse.FileAttributes;
import dev.isthmus.fuse.FileName;
import dev.isthmus.fuse.FolderSpace;
import dev.isthmus.fuse.FuseErrno;
import dev.isthmus.fuse.FuseProtocol;
import dev.isthmus.fuse.SharedFolder;
import dev.isthmus.memory.ScatterView;

/**
 * A folder in memory, which is strict about how a server uses it: handles that are not open, closed twice, or of the wrong
 * kind are a bug, and so is a change of a read-only folder.
 */
public final class MemoryFolder implements SharedFolder {
    private static final int EEXIST = 17;
    private static final int ENOTEMPTY = 39;
    private static final int ENODATA = 61;
    private static final int O_EXCL = 0x80;
    private static final int O_TRUNC = 0x200;
    private static final int FILES_MAX = 1000;

    private record Handle(MemoryInode inode, boolean file) {}

    private final boolean readOnly;
    private final Map<Long, Handle> handles = new HashMap<>();
    private final MemoryInode root = new MemoryInode(1, FileAttributes.S_IFDIR, 0755);
    private final long rootHandle;

    /** Small ones are not boxed anew each time. */
    private long nextHandle = 40;

    private long nextInode = 2;

    /** Makes an empty folder. */
    public MemoryFolder(boolean readOnly) {
        this.readOnly = readOnly;
        this.rootHandle = open(root, false);
    }

    /** Makes a file with contents in the root. */
    public synchronized void addFile(String name, byte[] data) {
        MemoryInode inode = newInode(FileAttributes.S_IFREG, 0644);
        inode.data = data;
        inode.links = 1;
        root.entries.put(name, inode);
    }

    /** Makes an empty directory in the root. */
    public synchronized void addDirectory(String name) {
        root.entries.put(name, newInode(FileAttributes.S_IFDIR, 0755));
    }

    /** Makes something that is neither file nor directory in the root. */
    public synchronized void addSpecial(String name, int type) {
        root.entries.put(name, newInode(type, 0644));
    }

    /** Returns the contents of a file in the root, or null where there is none. */
    public synchronized byte @Nullable [] contents(String name) {
        MemoryInode inode = root.entries.get(name);
        return inode == null ? null : inode.data;
    }

    /** Returns how many handles the server has and has not closed. */
    public synchronized int openHandles() {
        return handles.size() - 1;
    }

    private MemoryInode newInode(int type, int mode) {
        return new MemoryInode(nextInode++, type, mode & 07777);
    }

    private long open(MemoryInode inode, boolean file) {
        handles.put(nextHandle, new Handle(inode, file));
        return nextHandle++;
    }

    private MemoryInode inodeOf(long handle, boolean file) {
        Handle found = handles.get(handle);
        if (found == null || found.file != file) {
            throw new AssertionError((file ? "file " : "node ") + handle + " is not open");
        }
        return found.inode;
    }

    private MemoryInode directory(long handle) {
        MemoryInode inode = inodeOf(handle, false);
        if (inode.type != FileAttributes.S_IFDIR) {
            throw new AssertionError("node " + handle + " is no directory");
        }
        return inode;
    }

    private void assertWritable() {
        if (readOnly) {
            throw new AssertionError("change of a read-only folder");
        }
    }

    private static String checked(FileName name) {
        String text = name.toString();
        if (text.isEmpty() || text.equals(".") || text.equals("..") || text.indexOf('/') >= 0 || text.indexOf('\0') >= 0) {
            throw new AssertionError("name " + text);
        }
        return text;
    }

    private static String text(MemorySegment memory) {
        return memory.getString(0, StandardCharsets.ISO_8859_1);
    }

    @Override
    public boolean readOnly() {
        return readOnly;
    }

    @Override
    public long root() {
        return rootHandle;
    }

    @Override
    public synchronized long attributes(long node, FileAttributes attributes) {
        inodeOf(node, false).tell(attributes);
        return 0;
    }

    @Override
    public synchronized long lookup(long directory, FileName name, FileAttributes attributes) {
        MemoryInode inode = directory(directory).entries.get(checked(name));
        if (inode == null) {
            return -FuseErrno.ENOENT;
        }
        inode.tell(attributes);
        return open(inode, false);
    }

    @Override
    public synchronized void closeNode(long node) {
        inodeOf(node, false);
        if (node == rootHandle) {
            throw new AssertionError("root closed");
        }
        handles.remove(node);
    }

    @Override
    public synchronized long change(long node, long file, AttributeChange change, Caller caller) {
        assertWritable();
        MemoryInode inode = inodeOf(node, false);
        if (file >= 0) {
            inodeOf(file, true);
        }
        if (change.has(FuseProtocol.FATTR_MODE)) {
            inode.mode = change.mode() & 07777;
        }
        if (change.has(FuseProtocol.FATTR_UID)) {
            inode.uid = change.uid();
        }
        if (change.has(FuseProtocol.FATTR_GID)) {
            inode.gid = change.gid();
        }
        return change.has(FuseProtocol.FATTR_SIZE) ? inode.resize(change.sizeBytes()) : 0;
    }

    @Override
    public synchronized long readLink(long node, MemorySegment target) {
        byte[] bytes = inodeOf(node, false).target;
        MemorySegment.copy(bytes, 0, target, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return bytes.length;
    }

    private long add(long directory, FileName name, MemoryInode inode, Caller caller) {
        assertWritable();
        MemoryInode parent = directory(directory);
        String text = checked(name);
        if (parent.entries.containsKey(text)) {
            return -EEXIST;
        }
        if (nextInode > FILES_MAX) {
            return -28;
        }
        inode.uid = caller.uid();
        inode.gid = caller.gid();
        inode.links++;
        parent.entries.put(text, inode);
        return 0;
    }

    @Override
    public synchronized long makeNode(Caller caller, long directory, FileName name, int mode, int device) {
        MemoryInode inode = newInode(mode & FileAttributes.S_IFMT, mode);
        inode.device = device;
        return add(directory, name, inode, caller);
    }

    @Override
    public synchronized long makeDirectory(Caller caller, long directory, FileName name, int mode) {
        return add(directory, name, newInode(FileAttributes.S_IFDIR, mode), caller);
    }

    @Override
    public synchronized long makeSymbolicLink(Caller caller, MemorySegment target, long directory, FileName name) {
        MemoryInode inode = newInode(FileAttributes.S_IFLNK, 0777);
        inode.target = text(target).getBytes(StandardCharsets.ISO_8859_1);
        return add(directory, name, inode, caller);
    }

    @Override
    public synchronized long link(long node, long directory, FileName name) {
        assertWritable();
        MemoryInode inode = inodeOf(node, false);
        MemoryInode parent = directory(directory);
        if (parent.entries.putIfAbsent(checked(name), inode) != null) {
            return -EEXIST;
        }
        inode.links++;
        return 0;
    }

    @Override
    public synchronized long unlink(long directory, FileName name) {
        return remove(directory, name, false);
    }

    @Override
    public synchronized long removeDirectory(long directory, FileName name) {
        return remove(directory, name, true);
    }

    private long remove(long directory, FileName name, boolean wantDirectory) {
        assertWritable();
        MemoryInode parent = directory(directory);
        MemoryInode inode = parent.entries.get(checked(name));
        if (inode == null) {
            return -FuseErrno.ENOENT;
        }
        boolean isDirectory = inode.type == FileAttributes.S_IFDIR;
        if (isDirectory != wantDirectory) {
            return isDirectory ? -FuseErrno.EISDIR : -FuseErrno.ENOTDIR;
        }
        if (!inode.entries.isEmpty()) {
            return -ENOTEMPTY;
        }
        parent.entries.remove(checked(name));
        inode.links--;
        return 0;
    }

    @Override
    public synchronized long rename(long directory, FileName name, long newDirectory, FileName newName, int flags) {
        assertWritable();
        MemoryInode inode = directory(directory).entries.get(checked(name));
        if (inode == null || flags != 0) {
            return inode == null ? -FuseErrno.ENOENT : -FuseErrno.EINVAL;
        }
        if (inode.type == FileAttributes.S_IFDIR) {
            // Moving directories would take looking for loops.
            return -FuseErrno.EPERM;
        }
        directory(directory).entries.remove(checked(name));
        directory(newDirectory).entries.put(checked(newName), inode);
        return 0;
    }

    @Override
    public synchronized long open(long node, int flags, @Nullable Caller stripFor) {
        MemoryInode inode = inodeOf(node, false);
        if (inode.type != FileAttributes.S_IFREG) {
            throw new AssertionError("no regular file is opened");
        }
        if ((flags & O_TRUNC) != 0) {
            assertWritable();
            inode.data = new byte[0];
        }
        return open(inode, true);
    }

    @Override
    public synchronized long create(Caller caller, long directory, FileName name, int flags, int mode) {
        assertWritable();
        MemoryInode there = directory(directory).entries.get(checked(name));
        if (there != null) {
            boolean openable = (flags & O_EXCL) == 0 && there.type == FileAttributes.S_IFREG;
            return openable ? open(there, true) : -EEXIST;
        }
        MemoryInode inode = newInode(FileAttributes.S_IFREG, mode);
        long result = add(directory, name, inode, caller);
        return result < 0 ? result : open(inode, true);
    }

    @Override
    public synchronized long createUnnamed(Caller caller, long directory, int flags, int mode) {
        assertWritable();
        directory(directory);
        return nextInode > FILES_MAX ? -28 : open(newInode(FileAttributes.S_IFREG, mode), true);
    }

    @Override
    public synchronized long nodeOf(long file) {
        return open(inodeOf(file, true), false);
    }

    @Override
    public synchronized long openDirectory(long node) {
        return open(directory(node), true);
    }

    @Override
    public synchronized void closeFile(long file) {
        inodeOf(file, true);
        handles.remove(file);
    }

    @Override
    public synchronized long read(long file, long offset, ScatterView target) {
        byte[] data = inodeOf(file, true).data;
        long done = 0;
        for (int i = 0; i < target.count(); i++) {
            int count = (int) Math.min(target.lengthBytes(i), Math.max(0, data.length - offset - done));
            MemorySegment.copy(
                    data, (int) (offset + done), target.segment(i), ValueLayout.JAVA_BYTE, target.offset(i), count);
            done += count;
            if (count < target.lengthBytes(i)) {
                return done;
            }
        }
        return done;
    }

    @Override
    public synchronized long write(long file, long place, ScatterView source, @Nullable Caller stripFor) {
        assertWritable();
        MemoryInode inode = inodeOf(file, true);
        long offset = place < 0 ? inode.data.length : place;
        if (offset > MemoryInode.FILE_BYTES_MAX - source.totalBytes()) {
            return -27;
        }
        if (inode.data.length < offset + source.totalBytes()) {
            inode.data = Arrays.copyOf(inode.data, (int) (offset + source.totalBytes()));
        }
        if (stripFor != null) {
            inode.mode &= 01777;
        }
        long done = 0;
        for (int i = 0; i < source.count(); i++) {
            MemorySegment.copy(
                    source.segment(i),
                    ValueLayout.JAVA_BYTE,
                    source.offset(i),
                    inode.data,
                    (int) (offset + done),
                    (int) source.lengthBytes(i));
            done += source.lengthBytes(i);
        }
        return done;
    }

    @Override
    public synchronized long flush(long file) {
        inodeOf(file, true);
        return 0;
    }

    @Override
    public synchronized long sync(long file, boolean dataOnly) {
        inodeOf(file, true);
        return 0;
    }

    @Override
    public long syncAll() {
        assertWritable();
        return 0;
    }

    @Override
    public synchronized long list(long file, long offset, DirectoryEntries entries) {
        MemoryInode directory = inodeOf(file, true);
        List<String> names = new ArrayList<>(List.of(".", ".."));
        names.addAll(directory.entries.keySet());
        MemorySegment memory = entries.memory();
        long at = 0;
        for (long i = Math.max(0, offset); i < names.size(); i++) {
            byte[] name = names.get((int) i).getBytes(StandardCharsets.UTF_8);
            int record = DirectoryEntries.NAME_OFFSET + name.length + 1 + 7 & ~7;
            if (at + record > entries.limitBytes()) {
                break;
            }
            MemoryInode inode = directory.entries.get(names.get((int) i));
            memory.set(ValueLayout.JAVA_LONG_UNALIGNED, at, inode == null ? 99 : inode.number);
            memory.set(ValueLayout.JAVA_LONG_UNALIGNED, at + 8, i + 1);
            memory.set(ValueLayout.JAVA_SHORT_UNALIGNED, at + 16, (short) record);
            memory.set(ValueLayout.JAVA_BYTE, at + 18, (byte) (inode == null ? 4 : inode.type >> 12));
            MemorySegment.copy(name, 0, memory, ValueLayout.JAVA_BYTE, at + 19, name.length);
            memory.set(ValueLayout.JAVA_BYTE, at + 19 + name.length, (byte) 0);
            at += record;
        }
        return at;
    }

    @Override
    public synchronized long allocate(long file, int mode, long offset, long lengthBytes) {
        assertWritable();
        MemoryInode inode = inodeOf(file, true);
        return Math.max(inode.data.length, offset + lengthBytes) > MemoryInode.FILE_BYTES_MAX
                ? -27
                : inode.resize(Math.max(inode.data.length, offset + lengthBytes));
    }

    @Override
    public synchronized long seek(long file, long offset, int whence) {
        byte[] data = inodeOf(file, true).data;
        return offset >= data.length ? -FuseErrno.ENXIO : whence == 3 ? offset : data.length;
    }

    @Override
    public synchronized long copy(long source, long sourceOffset, long target, long targetOffset, long lengthBytes) {
        assertWritable();
        byte[] from = inodeOf(source, true).data;
        MemoryInode to = inodeOf(target, true);
        int count = (int) Math.min(lengthBytes, Math.max(0, from.length - sourceOffset));
        if (count == 0 || targetOffset > MemoryInode.FILE_BYTES_MAX - count) {
            return 0;
        }
        byte[] copied = Arrays.copyOfRange(from, (int) sourceOffset, (int) sourceOffset + count);
        if (to.data.length < targetOffset + count) {
            to.data = Arrays.copyOf(to.data, (int) targetOffset + count);
        }
        System.arraycopy(copied, 0, to.data, (int) targetOffset, count);
        return count;
    }

    @Override
    public synchronized long space(long node, FolderSpace space) {
        inodeOf(node, false);
        space.blocks = 1000;
        space.freeBlocks = 500;
        space.availableBlocks = 400;
        space.files = FILES_MAX;
        space.freeFiles = FILES_MAX - nextInode;
        space.transferBytes = 4096;
        space.blockBytes = 512;
        space.nameBytes = 255;
        return 0;
    }

    @Override
    public synchronized long getXattr(long node, MemorySegment name, MemorySegment value) {
        byte[] found = inodeOf(node, false).xattrs.get(text(name));
        return found == null ? -ENODATA : answer(found, value);
    }

    private static long answer(byte[] found, MemorySegment target) {
        if (target.byteSize() == 0) {
            return found.length;
        }
        if (found.length > target.byteSize()) {
            return -FuseErrno.ERANGE;
        }
        MemorySegment.copy(found, 0, target, ValueLayout.JAVA_BYTE, 0, found.length);
        return found.length;
    }

    @Override
    public synchronized long setXattr(long node, MemorySegment name, MemorySegment value, int flags) {
        assertWritable();
        Map<String, byte[]> xattrs = inodeOf(node, false).xattrs;
        if (xattrs.size() == 10) {
            return -28;
        }
        xattrs.put(text(name), value.toArray(ValueLayout.JAVA_BYTE));
        return 0;
    }

    @Override
    public synchronized long listXattr(long node, MemorySegment names) {
        StringBuilder all = new StringBuilder();
        for (String name : inodeOf(node, false).xattrs.keySet()) {
            all.append(name).append('\0');
        }
        return answer(all.toString().getBytes(StandardCharsets.ISO_8859_1), names);
    }

    @Override
    public synchronized long removeXattr(long node, MemorySegment name) {
        assertWritable();
        return inodeOf(node, false).xattrs.remove(text(name)) == null ? -ENODATA : 0;
    }
}
