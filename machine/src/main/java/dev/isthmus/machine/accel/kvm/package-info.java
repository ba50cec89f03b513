// SPDX-License-Identifier: Apache-2.0
/** KVM behind the seam: the only package of the machine that names it. */
@NullMarked
package dev.isthmus.machine.accel.kvm;

import org.jspecify.annotations.NullMarked;
