// SPDX-License-Identifier: Apache-2.0
/** Boot protocols: kernels are read, placed into guest memory, and entered. */
@NullMarked
package dev.isthmus.machine.boot;

import org.jspecify.annotations.NullMarked;
