// SPDX-License-Identifier: Apache-2.0
/** The virtio block device (virtio 1.2, section 5.2) over a {@link dev.isthmus.block.BlockBackend}. */
@NullMarked
package dev.isthmus.virtio.block;

import org.jspecify.annotations.NullMarked;
