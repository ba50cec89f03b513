// SPDX-License-Identifier: Apache-2.0
/** VirtualBox's disk images (VDI), version 1.1, for reading: dynamic and fixed ones. */
@NullMarked
package dev.isthmus.block.vdi;

import org.jspecify.annotations.NullMarked;
