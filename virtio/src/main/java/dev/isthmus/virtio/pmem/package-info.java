// SPDX-License-Identifier: Apache-2.0
/**
 * The virtio persistent memory device (section 5.19 of virtio 1.2): a host's file, which the guest has as memory. The guest
 * reads and writes it without the device; the device only makes writes durable.
 *
 * <pre>
 *  driver → pop → waits for the next flush ─ executor → worker: PmemBackend.flush → push → driver
 * </pre>
 */
@NullMarked
package dev.isthmus.virtio.pmem;

import org.jspecify.annotations.NullMarked;
