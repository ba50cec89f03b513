// SPDX-License-Identifier: Apache-2.0
/**
 * What a PC has besides CPU, memory and disks, as far as kernels look for it: keyboard controller (for its reset line),
 * CMOS with its clock, ACPI power registers, and the ports by which guests tell of panics and test results.
 *
 * <p>Each device has one lock for its registers, never held across a call out; interrupt levels go out through
 * {@link dev.isthmus.machine.platform.IrqLevel} after the lock is released.
 */
@NullMarked
package dev.isthmus.machine.platform;

import org.jspecify.annotations.NullMarked;
