// SPDX-License-Identifier: Apache-2.0
/** Hyper-V's disk images (VHDX, MS-VHDX), for reading: dynamic and fixed ones, with their log replayed in memory. */
@NullMarked
package dev.isthmus.block.vhdx;

import org.jspecify.annotations.NullMarked;
