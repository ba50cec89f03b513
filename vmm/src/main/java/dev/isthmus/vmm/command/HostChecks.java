// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;

import dev.isthmus.machine.HostCheck;
import dev.isthmus.machine.Machine;
import dev.isthmus.machine.VmException;
import dev.isthmus.vmm.DemoGuest;

/** What {@code isthmus doctor} can see without opening KVM. */
final class HostChecks {
    private static final Path DEVICE = Path.of("/dev/kvm");
    private static final Path CPUINFO = Path.of("/proc/cpuinfo");
    private static final int JAVA_FEATURE_VERSION = 25;

    private HostChecks() {}

    /** Is there hardware virtualisation, and does the kernel show it? */
    static HostCheck processor() {
        String subject = "processor";
        if (Machine.hostInterpretsKernelCode()) {
            return HostCheck.note(
                    subject,
                    "no VMX or SVM: this KVM (kvm_pvm) runs guest user code natively and emulates guest kernels",
                    "Expect 15 to 50 s for a boot of Linux; 'isthmus demo --dry-run' shows what a kernel needs on its command"
                            + " line here, and stock distribution kernels stop early. Use a host with VMX or SVM for speed.");
        }
        String flags = cpuFlags();
        if (flags.contains(" vmx ")) {
            return HostCheck.ok(subject, "Intel VMX");
        }
        if (flags.contains(" svm ")) {
            return HostCheck.ok(subject, "AMD SVM");
        }
        return HostCheck.failed(
                subject,
                "no VMX or SVM in /proc/cpuinfo",
                "Enable virtualisation (VT-x, AMD-V) in the firmware; in a VM, enable nested virtualisation on its host.");
    }

    /** Is the device there, and may we use it? */
    static HostCheck device() {
        String subject = DEVICE.toString();
        if (!Files.exists(DEVICE)) {
            return HostCheck.failed(
                    subject,
                    "missing",
                    "Load the kernel module (sudo modprobe kvm_intel, or kvm_amd); in a container, pass the device on"
                            + " (--device /dev/kvm).");
        }
        String who = "you are " + System.getProperty("user.name", "unknown");
        try {
            PosixFileAttributes attributes = Files.readAttributes(DEVICE, PosixFileAttributes.class);
            String owner = PosixFilePermissions.toString(attributes.permissions()) + " " + attributes.owner().getName()
                    + ":" + attributes.group().getName();
            if (Files.isReadable(DEVICE) && Files.isWritable(DEVICE)) {
                return HostCheck.ok(subject, owner + ", " + who + ": you may use it");
            }
            return HostCheck.failed(
                    subject,
                    owner + ", " + who + ": no permission",
                    "Join its group (sudo usermod -aG " + attributes.group().getName()
                            + " \"$USER\") and log in again; where the group is root, install your distribution's udev"
                            + " rules (package qemu-system-common on Debian).");
        } catch (IOException e) {
            return HostCheck.failed(subject, "can't look at it: " + e.getMessage(), "");
        }
    }

    /** What Java runs us? */
    static HostCheck java() {
        String detail = Runtime.version() + ", " + System.getProperty("java.vm.name", "unknown") + ", "
                + System.getProperty("java.home", "unknown");
        if (Runtime.version().feature() == JAVA_FEATURE_VERSION) {
            return HostCheck.ok("Java", detail);
        }
        return HostCheck.note("Java", detail, "Isthmus is tested on Java " + JAVA_FEATURE_VERSION + ".");
    }

    /** Can 'isthmus demo' find its files? */
    static HostCheck demoGuest() {
        try {
            return HostCheck.ok("demo guest", String.valueOf(DemoGuest.locate().kernel().getParent()));
        } catch (VmException.Configuration e) {
            return HostCheck.note("demo guest", String.valueOf(e.getMessage()), e.remedy());
        }
    }

    private static String cpuFlags() {
        try {
            List<String> lines = Files.readAllLines(CPUINFO);
            for (String line : lines) {
                if (line.startsWith("flags")) {
                    return line + " ";
                }
            }
        } catch (IOException e) {
            // As if there were none: the check fails with its remedy.
        }
        return "";
    }
}
