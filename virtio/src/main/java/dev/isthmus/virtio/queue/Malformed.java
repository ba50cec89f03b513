// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

/**
 * What the driver set up is against the specification; nothing of it was used. The device answers with
 * DEVICE_NEEDS_RESET (2.1.2).
 *
 * @param reason what is wrong
 */
public record Malformed(QueueFault reason) implements PopOutcome, LayoutOutcome {}
