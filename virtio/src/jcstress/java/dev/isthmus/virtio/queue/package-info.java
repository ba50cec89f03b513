// SPDX-License-Identifier: Apache-2.0
/**
 * A driver and a device that use one virtqueue, split or packed, at the same time, under jcstress:
 * {@code mvn -Pjcstress verify}.
 */
@NullMarked
package dev.isthmus.virtio.queue;

import org.jspecify.annotations.NullMarked;
