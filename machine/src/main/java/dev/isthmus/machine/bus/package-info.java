// SPDX-License-Identifier: Apache-2.0
/** Port I/O and MMIO address spaces. */
@NullMarked
package dev.isthmus.machine.bus;

import org.jspecify.annotations.NullMarked;
