// SPDX-License-Identifier: Apache-2.0
/** The virtual machine: CPUs, buses, boot protocols, firmware tables, platform devices and threads. */
module dev.isthmus.machine {
    requires com.github.luben.zstd_jni;
    requires dev.isthmus.kvm;
    requires transitive dev.isthmus.virtio;
    requires org.lz4.java;
    requires org.slf4j;
    requires org.tukaani.xz;
    requires static transitive org.jspecify;

    exports dev.isthmus.machine;
    exports dev.isthmus.machine.acpi;
    exports dev.isthmus.machine.block;
    exports dev.isthmus.machine.boot;
    exports dev.isthmus.machine.console;
    exports dev.isthmus.machine.cpu;
    exports dev.isthmus.machine.fs;
    exports dev.isthmus.machine.mptable;
    exports dev.isthmus.machine.net;
    exports dev.isthmus.machine.platform;
    exports dev.isthmus.machine.serial;
    exports dev.isthmus.machine.vsock;
}
