// SPDX-License-Identifier: Apache-2.0
/** The isthmus library and command. */
module dev.isthmus.vmm {
    requires transitive dev.isthmus.machine;
    requires info.picocli;
    requires jdk.unsupported;
    requires static transitive org.jspecify;

    exports dev.isthmus.vmm;
}
