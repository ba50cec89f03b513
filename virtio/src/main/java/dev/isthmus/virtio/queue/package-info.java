// SPDX-License-Identifier: Apache-2.0
/**
 * Virtqueues, device side (virtio 1.2, sections 2.6 to 2.8).
 *
 * <p>Rings and descriptors lie in guest memory and change under us. Each shared value is read once, checked, and then
 * only the copy is used: a {@link dev.isthmus.virtio.queue.DescriptorChain} is such a copy. What the driver got wrong
 * comes back as {@link dev.isthmus.virtio.queue.Malformed}, never as an exception.
 */
@NullMarked
package dev.isthmus.virtio.queue;

import org.jspecify.annotations.NullMarked;
