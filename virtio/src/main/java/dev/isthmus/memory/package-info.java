// SPDX-License-Identifier: Apache-2.0
/** Guest physical memory as the devices and the boot loaders see it: bounds-checked, by guest physical address. */
@NullMarked
package dev.isthmus.memory;

import org.jspecify.annotations.NullMarked;
