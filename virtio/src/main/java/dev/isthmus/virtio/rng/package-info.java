// SPDX-License-Identifier: Apache-2.0
/**
 * The virtio entropy device (virtio 1.2, section 5.4): random bytes of the host, written straight into the guest's buffers.
 *
 * <pre>
 *  driver → pop → rate admits → EntropySource.fill → push → driver
 * </pre>
 */
@NullMarked
package dev.isthmus.virtio.rng;

import org.jspecify.annotations.NullMarked;
