// SPDX-License-Identifier: Apache-2.0
/** What tests need to run guests on KVM. */
@NullMarked
package dev.isthmus.testing.kvm;

import org.jspecify.annotations.NullMarked;
