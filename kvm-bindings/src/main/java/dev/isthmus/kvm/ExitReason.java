// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

/** Values of {@code kvm_run.exit_reason} (linux/kvm.h, {@code KVM_EXIT_*}). */
public final class ExitReason {
    private ExitReason() {}
}
