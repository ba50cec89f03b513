// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.balloon;

import dev.isthmus.virtio.ConfigSpace;

/**
 * The configuration space of a balloon (virtio 1.2, section 5.5.4): the host's wish, and what the driver says. Any thread;
 * the lock is held for no call out.
 */
final class BalloonConfig {
    private final ConfigSpace space = new ConfigSpace(new byte[VirtioBalloonProtocol.CONFIG_BYTES]);

    /** As in the space: {@code num_pages}, {@code actual}, unused, {@code poison_val}. */
    private final byte[] bytes = new byte[VirtioBalloonProtocol.CONFIG_BYTES];

    BalloonConfig() {}

    ConfigSpace space() {
        return space;
    }

    /** Sets {@code num_pages}, 0 to 2^32 - 1; tells whether it was another. */
    synchronized boolean setPages(long pages) {
        boolean changed = pages != get(VirtioBalloonProtocol.NUM_PAGES);
        set(VirtioBalloonProtocol.NUM_PAGES, pages);
        return changed;
    }

    /** Takes the driver's write, as wide as the field (2.5.3.1); what is not for it to write stays as it is. */
    synchronized void write(long offset, int sizeBytes, long value) {
        boolean writable = offset == VirtioBalloonProtocol.ACTUAL || offset == VirtioBalloonProtocol.POISON_VAL;
        if (writable && sizeBytes == Integer.BYTES) {
            set((int) offset, value);
        }
    }

    /** Forgets what a driver wrote. */
    synchronized void forgetDriver() {
        set(VirtioBalloonProtocol.ACTUAL, 0);
        set(VirtioBalloonProtocol.POISON_VAL, 0);
    }

    synchronized long pages() {
        return get(VirtioBalloonProtocol.NUM_PAGES);
    }

    synchronized long actualPages() {
        return get(VirtioBalloonProtocol.ACTUAL);
    }

    synchronized long poison() {
        return get(VirtioBalloonProtocol.POISON_VAL);
    }

    private long get(int offset) {
        return space.read(offset, Integer.BYTES);
    }

    private void set(int offset, long value) {
        for (int i = 0; i < Integer.BYTES; i++) {
            bytes[offset + i] = (byte) (value >>> (8 * i));
        }
        space.replace(bytes);
    }
}
