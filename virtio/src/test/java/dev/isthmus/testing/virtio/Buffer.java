// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.virtio;

/**
 * One element of what a driver makes available.
 *
 * @param gpa first guest physical address
 * @param lengthBytes size, 0 to 2^32 - 1
 * @param deviceWritable whether the device writes it; otherwise it reads it
 */
public record Buffer(long gpa, long lengthBytes, boolean deviceWritable) {
    /** Makes a device-readable element. */
    public static Buffer readable(long gpa, long lengthBytes) {
        return new Buffer(gpa, lengthBytes, false);
    }

    /** Makes a device-writable element. */
    public static Buffer writable(long gpa, long lengthBytes) {
        return new Buffer(gpa, lengthBytes, true);
    }
}
