// SPDX-License-Identifier: Apache-2.0
/** The isthmus library and command. */
module dev.isthmus.vmm {
    requires transitive dev.isthmus.machine;
    requires static transitive org.jspecify;
}
