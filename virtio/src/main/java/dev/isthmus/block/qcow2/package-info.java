// SPDX-License-Identifier: Apache-2.0
/**
 * The qcow2 image format, versions 2 and 3, as QEMU's docs/interop/qcow2.txt describes it.
 *
 * <p>{@link dev.isthmus.block.qcow2.Qcow2Image} is an open image. {@link dev.isthmus.block.qcow2.Qcow2Creator} makes new
 * ones, {@link dev.isthmus.block.qcow2.Qcow2Checker} finds and repairs damage,
 * {@link dev.isthmus.block.qcow2.Qcow2Snapshots} and {@link dev.isthmus.block.qcow2.Qcow2Amender} change images that no
 * guest is using.
 *
 * <p>An image is hostile input: every field is read once, checked and bounded as QEMU bounds it.
 */
@NullMarked
package dev.isthmus.block.qcow2;

import org.jspecify.annotations.NullMarked;
