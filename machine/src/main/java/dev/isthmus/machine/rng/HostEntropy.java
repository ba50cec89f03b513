// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.rng;

import java.lang.foreign.MemorySegment;

import dev.isthmus.kvm.linux.RandomBytes;
import dev.isthmus.virtio.rng.EntropySource;

/**
 * Random bytes of the host's kernel, written straight into the guest's memory. Never blocks: early after the host's start,
 * when its kernel has gathered too little, there are none.
 *
 * <p>A file such as {@code /dev/hwrng} is no source: what is behind it may take its time whatever it is asked for, and the
 * kernel feeds its own generator from it anyway.
 *
 * <p>Any thread; without state.
 */
public final class HostEntropy implements EntropySource {
    /** Makes a source. */
    public HostEntropy() {}

    @Override
    public int fill(MemorySegment target, long offset, int lengthBytes) {
        return (int) Math.max(0, RandomBytes.fill(target, offset, lengthBytes));
    }
}
