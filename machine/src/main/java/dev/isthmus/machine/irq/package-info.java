// SPDX-License-Identifier: Apache-2.0
/** Interrupt lines from devices to the interrupt controllers. */
@NullMarked
package dev.isthmus.machine.irq;

import org.jspecify.annotations.NullMarked;
