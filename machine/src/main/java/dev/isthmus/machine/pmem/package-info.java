// SPDX-License-Identifier: Apache-2.0
/** The host's side of persistent memory devices, but for the mapped file: {@link dev.isthmus.machine.block.ImageMapping}. */
@NullMarked
package dev.isthmus.machine.pmem;

import org.jspecify.annotations.NullMarked;
