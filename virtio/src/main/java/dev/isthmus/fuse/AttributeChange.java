// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import dev.isthmus.virtio.queue.ChainReader;

/**
 * What a SETATTR is to change ({@code struct fuse_setattr_in}). To be used again; one thread at a time.
 */
public final class AttributeChange {
    private int valid;
    private long file;
    private long sizeBytes;
    private long accessSeconds;
    private long modifySeconds;
    private long accessNanos;
    private long modifyNanos;
    private int mode;
    private int uid;
    private int gid;

    /** Changes nothing at first. */
    public AttributeChange() {}

    /** Reads the argument of a SETATTR, which must be there. */
    void readFrom(ChainReader reader) {
        valid = (int) reader.readU32();
        reader.skip(Integer.BYTES);
        file = reader.readU64();
        sizeBytes = reader.readU64();
        reader.skip(Long.BYTES);
        accessSeconds = reader.readU64();
        modifySeconds = reader.readU64();
        reader.skip(Long.BYTES);
        accessNanos = reader.readU32();
        modifyNanos = reader.readU32();
        reader.skip(Integer.BYTES);
        mode = (int) reader.readU32();
        reader.skip(Integer.BYTES);
        uid = (int) reader.readU32();
        gid = (int) reader.readU32();
        reader.skip(Integer.BYTES);
    }

    /** Tells whether one of some bits is set, of {@link FuseProtocol}'s {@code FATTR_…}. */
    public boolean has(int bits) {
        return (valid & bits) != 0;
    }

    /** Returns the client's number of the open file. */
    long file() {
        return file;
    }

    /** Returns the size in bytes, any value. */
    public long sizeBytes() {
        return sizeBytes;
    }

    /** Returns the time of the last reading, in seconds since 1970. */
    public long accessSeconds() {
        return accessSeconds;
    }

    /** Returns the fraction of {@link #accessSeconds} in nanoseconds: any 32-bit value. */
    public long accessNanos() {
        return accessNanos;
    }

    /** Returns the time of the last change of the contents, in seconds since 1970. */
    public long modifySeconds() {
        return modifySeconds;
    }

    /** Returns the fraction of {@link #modifySeconds} in nanoseconds: any 32-bit value. */
    public long modifyNanos() {
        return modifyNanos;
    }

    /** Returns the permissions, any value. */
    public int mode() {
        return mode;
    }

    /** Returns the owner as the client names it. */
    public int uid() {
        return uid;
    }

    /** Returns the group as the client names it. */
    public int gid() {
        return gid;
    }
}
