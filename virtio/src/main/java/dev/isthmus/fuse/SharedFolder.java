// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import java.lang.foreign.MemorySegment;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.ScatterView;

/**
 * What a FUSE server needs of the folder that it shares: operations on files that are held by handles.
 *
 * <p>A <em>node</em> is a handle that only names a file, whatever becomes of its names; a <em>file</em> is a handle to
 * read from or write to. Both are numbers from 0 that the folder chooses. The server closes each once, never while it is
 * in use, and bounds how many there are.
 *
 * <p>Nothing outside the folder is reachable by any of the operations: there are no paths here, only entries of a
 * directory by a {@link FileName}, and no symbolic link is followed.
 *
 * <p>Any thread, several at once; may block. All return a result from 0, or a negated error number of Linux. What the
 * client asks for is not checked beyond what parameters say.
 */
public interface SharedFolder {
    /** Tells whether nothing may be changed: the server then asks for no change. */
    boolean readOnly();

    /** Returns the node of the folder itself, which stays the folder's and is never closed by the server. */
    long root();

    /** Tells the attributes of a node. */
    long attributes(long node, FileAttributes attributes);

    /** Finds an entry and tells its attributes; returns its node. */
    long lookup(long directory, FileName name, FileAttributes attributes);

    /** Closes a node. */
    void closeNode(long node);

    /**
     * Changes attributes, in the order mode, owner, size, times; ends at the first that fails.
     *
     * @param file a file of the node's, or -1
     * @param caller who asks
     */
    long change(long node, long file, AttributeChange change, Caller caller);

    /** Reads a symbolic link; returns how many bytes were filled. */
    long readLink(long node, MemorySegment target);

    /**
     * Makes a file of any type but directory and symbolic link.
     *
     * @param mode type and permissions, any value
     * @param device the numbers of a device node, any value
     */
    long makeNode(Caller caller, long directory, FileName name, int mode, int device);

    /** Makes a directory with permissions of any value. */
    long makeDirectory(Caller caller, long directory, FileName name, int mode);

    /**
     * Makes a symbolic link.
     *
     * @param target native memory that begins with where the link points to, which is nobody's business here, and a zero
     */
    long makeSymbolicLink(Caller caller, MemorySegment target, long directory, FileName name);

    /** Gives a node another name. */
    long link(long node, long directory, FileName name);

    /** Removes a name of anything but a directory. */
    long unlink(long directory, FileName name);

    /** Removes an empty directory. */
    long removeDirectory(long directory, FileName name);

    /**
     * Moves an entry.
     *
     * @param flags those of renameat2(2), any value
     */
    long rename(long directory, FileName name, long newDirectory, FileName newName, int flags);

    /**
     * Opens a regular file; refuses everything else, also where the server takes it for one.
     *
     * @param flags those of open(2), any value
     * @param stripFor null, or whoever truncates the file without the privilege to keep its set-user-ID bit
     * @return a file
     */
    long open(long node, int flags, @Nullable Caller stripFor);

    /**
     * Makes a regular file and opens it, or opens the one that is there; that one is truncated as by somebody without the
     * privilege to keep its set-user-ID bit.
     *
     * @param flags those of open(2), any value
     * @param mode permissions, any value
     * @return a file
     */
    long create(Caller caller, long directory, FileName name, int flags, int mode);

    /**
     * Makes a regular file without a name, which may get one by {@link #link}, and opens it.
     *
     * @param flags those of open(2), any value
     * @param mode permissions, any value
     * @return a file
     */
    long createUnnamed(Caller caller, long directory, int flags, int mode);

    /** Returns another node of an open file. */
    long nodeOf(long file);

    /** Opens a directory to list it; returns a file. */
    long openDirectory(long node);

    /** Closes a file. */
    void closeFile(long file);

    /** Reads; returns how many bytes, fewer than asked for only at the end of the file. */
    long read(long file, long offset, ScatterView target);

    /**
     * Writes; returns how many bytes.
     *
     * @param offset where, from 0; or -1 for the end of the file, wherever that is by then
     * @param stripFor null, or whoever writes without the privilege to keep the file's set-user-ID bit
     */
    long write(long file, long offset, ScatterView source, @Nullable Caller stripFor);

    /** Reports errors of earlier writes, as closing a descriptor does. */
    long flush(long file);

    /** Makes what was written stable. */
    long sync(long file, boolean dataOnly);

    /** Makes all that was written to the folder stable. */
    long syncAll();

    /**
     * Lists entries of a directory, one call at a time for a file.
     *
     * @param offset 0, or what an entry says of the next, or any value
     * @param entries whose memory to fill
     * @return how many bytes were filled; 0 at the end
     */
    long list(long file, long offset, DirectoryEntries entries);

    /** Allocates storage or gives it up, with the mode of fallocate(2), any value. */
    long allocate(long file, int mode, long offset, long lengthBytes);

    /** Finds data or a hole with lseek(2)'s SEEK_DATA or SEEK_HOLE, or refuses what else {@code whence} says. */
    long seek(long file, long offset, int whence);

    /** Copies from a file to another or within one; returns how many bytes, which may be fewer. */
    long copy(long source, long sourceOffset, long target, long targetOffset, long lengthBytes);

    /** Tells of the file system. */
    long space(long node, FolderSpace space);

    /**
     * Reads an extended attribute.
     *
     * @param name native memory that begins with the name and a zero byte
     * @param value what to fill; where empty, only the size is asked for
     * @return the size
     */
    long getXattr(long node, MemorySegment name, MemorySegment value);

    /** Sets an extended attribute, with the flags of setxattr(2), any value. */
    long setXattr(long node, MemorySegment name, MemorySegment value, int flags);

    /** Lists the names of extended attributes, each with a final zero; where empty, only the size is asked for. */
    long listXattr(long node, MemorySegment names);

    /** Removes an extended attribute. */
    long removeXattr(long node, MemorySegment name);
}
