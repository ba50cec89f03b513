// SPDX-License-Identifier: Apache-2.0
/** How a guest finds and drives a virtio device (virtio 1.2, chapter 4). */
@NullMarked
package dev.isthmus.virtio.transport;

import org.jspecify.annotations.NullMarked;
