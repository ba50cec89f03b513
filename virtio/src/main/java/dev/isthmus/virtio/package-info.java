// SPDX-License-Identifier: Apache-2.0
/**
 * What all virtio devices share (virtio 1.2, chapters 2 and 3): identifiers, features, the device status, and the
 * contract between a device and the transport that carries it.
 *
 * <p>A {@link dev.isthmus.virtio.VirtioDevice} is what the guest can see before it drives the device; an
 * {@link dev.isthmus.virtio.ActiveDevice} exists from DRIVER_OK to the next reset.
 */
@NullMarked
package dev.isthmus.virtio;

import org.jspecify.annotations.NullMarked;
