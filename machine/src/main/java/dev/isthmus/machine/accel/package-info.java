// SPDX-License-Identifier: Apache-2.0
/** The seam to the CPU: a VM's vCPUs, memory and interrupts as the machine sees them, whatever runs the guest. */
@NullMarked
package dev.isthmus.machine.accel;

import org.jspecify.annotations.NullMarked;
