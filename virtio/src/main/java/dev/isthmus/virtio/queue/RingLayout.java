// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

/**
 * Where a virtqueue lies, in either ring format, checked against guest memory: the existence of an instance is the proof
 * that size and addresses are valid. Immutable.
 */
public sealed interface RingLayout extends LayoutOutcome permits QueueLayout, PackedLayout {
    /** Returns the number of descriptors. */
    int queueSize();
}
