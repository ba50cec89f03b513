// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel.kvm;

import dev.isthmus.kvm.Kvm;
import dev.isthmus.kvm.KvmCap;
import dev.isthmus.kvm.VcpuFd;
import dev.isthmus.kvm.VmFd;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.io.HostFaults;
import dev.isthmus.memory.MemoryRegion;

/** Asks the host for what a VM needs, and says in words what it lacks. */
final class KvmHost {
    /** What every VM needs, and how the kernel calls it. */
    static final int[] REQUIRED = {
        KvmCap.KVM_CAP_IRQCHIP,
        KvmCap.KVM_CAP_USER_MEMORY,
        KvmCap.KVM_CAP_EXT_CPUID,
        KvmCap.KVM_CAP_MP_STATE,
        KvmCap.KVM_CAP_PIT2,
        KvmCap.KVM_CAP_IRQFD,
        KvmCap.KVM_CAP_IOEVENTFD,
        KvmCap.KVM_CAP_IMMEDIATE_EXIT,
    };

    static final String[] REQUIRED_NAMES = {
        "KVM_CAP_IRQCHIP",
        "KVM_CAP_USER_MEMORY",
        "KVM_CAP_EXT_CPUID",
        "KVM_CAP_MP_STATE",
        "KVM_CAP_PIT2",
        "KVM_CAP_IRQFD",
        "KVM_CAP_IOEVENTFD",
        "KVM_CAP_IMMEDIATE_EXIT",
    };

    /** What to do where one is missing. */
    static final String CAPABILITY_REMEDY = "Use a kernel of Linux 4.12 or later.";

    private KvmHost() {}

    /** Opens KVM and checks that it has all that a VM needs. */
    static Kvm open(String path) {
        Kvm kvm;
        try {
            kvm = Kvm.open(path);
        } catch (ErrnoException e) {
            throw openFailed(path, e);
        } catch (IllegalStateException e) {
            throw new VmException.HostUnsupported(
                    e.getMessage() == null ? path + " is not KVM" : e.getMessage(),
                    "Use a Linux kernel of this century.",
                    e);
        }
        try {
            checkCapabilities(kvm);
        } catch (RuntimeException e) {
            kvm.close();
            throw e;
        }
        return kvm;
    }

    static VmException openFailed(String path, ErrnoException e) {
        return switch (e.errno()) {
            case Errno.ENOENT, Errno.ENODEV, Errno.ENXIO -> new VmException.HostUnsupported(
                    "This host has no " + path + ", so it can't run VMs.",
                    "Enable virtualisation in the firmware and load the kernel module kvm_intel or kvm_amd;"
                            + " in a VM, enable nested virtualisation; in a container, pass the device on"
                            + " (--device " + path + ").",
                    e);
            case Errno.EACCES, Errno.EPERM -> new VmException.HostUnsupported(
                    "No permission to use " + path + ".",
                    "Join the group that owns it, as a rule kvm (sudo usermod -aG kvm \"$USER\"), and log in again.",
                    e);
            case Errno.EMFILE, Errno.ENFILE, Errno.ENOMEM -> exhausted("open " + path, e);
            default -> new VmException.HostUnsupported("Can't open " + path + ": " + e.getMessage(), "", e);
        };
    }

    private static void checkCapabilities(Kvm kvm) {
        for (int i = 0; i < REQUIRED.length; i++) {
            int answer;
            try {
                answer = kvm.checkExtension(REQUIRED[i]);
            } catch (ErrnoException e) {
                throw new VmException.HostUnsupported("The device is not KVM: " + e.getMessage(), "", e);
            }
            if (answer == 0) {
                throw new VmException.HostUnsupported(
                        "This host's KVM lacks " + REQUIRED_NAMES[i] + ".", CAPABILITY_REMEDY);
            }
        }
    }

    /** Makes a VM. */
    static VmFd createVm(Kvm kvm, String path) {
        try {
            return kvm.createVm();
        } catch (ErrnoException e) {
            if (e.errno() == Errno.EBUSY) {
                throw new VmException.HostUnsupported(
                        "The processor's virtualisation is in use by another hypervisor.",
                        "Stop the other one's VMs (VirtualBox and VMware don't share it with " + path + ").",
                        e);
            }
            throw exhausted("create a VM", e);
        }
    }

    /** Makes a vCPU. */
    static VcpuFd createVcpu(VmFd vm, int index) {
        try {
            return vm.createVcpu(index);
        } catch (ErrnoException e) {
            throw exhausted("make vCPU " + index, e);
        }
    }

    /** Gives a VM memory. */
    static void setRam(VmFd vm, int slot, MemoryRegion region) {
        try {
            vm.setUserMemoryRegion(
                    slot, 0, region.startGpa(), region.lengthBytes(), region.segment().address());
        } catch (ErrnoException e) {
            if (e.errno() == Errno.EINVAL) {
                // KVM_MEM_MAX_NR_PAGES: a slot has less than 2^31 pages.
                throw new VmException.Configuration(
                        "KVM can't give a guest so much memory: " + e.getMessage(), "Give the machine less than 8 TiB.", e);
            }
            throw exhausted("give the guest its memory", e);
        }
    }

    private static VmException exhausted(String what, ErrnoException e) {
        return HostFaults.of("Can't " + what, e);
    }
}
