// SPDX-License-Identifier: Apache-2.0
/**
 * The block layer: what a disk image is to a device ({@link dev.isthmus.block.BlockBackend}), and how requests get off
 * the loop thread ({@link dev.isthmus.block.BlockExecutor}).
 */
@NullMarked
package dev.isthmus.block;

import org.jspecify.annotations.NullMarked;
