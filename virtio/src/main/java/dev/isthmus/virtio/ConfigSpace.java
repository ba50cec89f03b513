// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio;

import java.util.Arrays;

/**
 * A device's configuration space with its generation (virtio 1.2, section 2.5).
 *
 * <p>Contents and generation change in one step, so a driver that reads the same generation before and after has read
 * one version of the contents. Reading: any thread, without a lock. Writing: one thread at a time.
 */
public final class ConfigSpace {
    private static final class Version {
        final byte[] bytes;
        final int generation;

        Version(byte[] bytes, int generation) {
            this.bytes = bytes;
            this.generation = generation;
        }
    }

    private volatile Version current;

    /** Starts with generation 0. The array is copied. */
    public ConfigSpace(byte[] bytes) {
        current = new Version(bytes.clone(), 0);
    }

    /** Returns the size in bytes. */
    public int lengthBytes() {
        return current.bytes.length;
    }

    /** Returns a number that changes with the contents; 32 bits, wraps around. */
    public int generation() {
        return current.generation;
    }

    /** Replaces the contents and changes the generation. The array is copied and may have another length. */
    public void replace(byte[] bytes) {
        Version old = current;
        if (!Arrays.equals(old.bytes, bytes)) {
            current = new Version(bytes.clone(), old.generation + 1);
        }
    }

    /**
     * Reads little-endian; allocates nothing.
     *
     * @param offset first byte, any value; bytes outside the space read as 0, the tail padding of section 2.5.1
     * @param sizeBytes 1 to 8
     * @return the value, zero-extended
     */
    public long read(long offset, int sizeBytes) {
        byte[] bytes = current.bytes;
        long value = 0;
        for (int i = 0; i < sizeBytes && i < Long.BYTES; i++) {
            if (offset >= 0 && offset < bytes.length - i) {
                value |= (long) Byte.toUnsignedInt(bytes[(int) offset + i]) << (8 * i);
            }
        }
        return value;
    }
}
