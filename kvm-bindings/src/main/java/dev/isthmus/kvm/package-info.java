// SPDX-License-Identifier: Apache-2.0
/** One type per kind of KVM file descriptor, and the page shared with a vCPU. */
@NullMarked
package dev.isthmus.kvm;

import org.jspecify.annotations.NullMarked;
