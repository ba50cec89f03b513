// SPDX-License-Identifier: Apache-2.0
/** The only native code: KVM's file descriptors and what Linux gives a VMM. */
module dev.isthmus.kvm {
    requires static transitive org.jspecify;

    exports dev.isthmus.kvm;
    exports dev.isthmus.kvm.linux;
}
