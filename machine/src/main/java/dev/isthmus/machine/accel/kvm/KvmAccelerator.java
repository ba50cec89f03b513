// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel.kvm;

import java.io.File;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

import dev.isthmus.kvm.CpuidTable;
import dev.isthmus.kvm.Kvm;
import dev.isthmus.kvm.KvmCap;
import dev.isthmus.kvm.VmFd;
import dev.isthmus.kvm.linux.EventFd;
import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.accel.Accelerator;
import dev.isthmus.machine.accel.MsiRoute;
import dev.isthmus.machine.accel.Vcpu;
import dev.isthmus.machine.cpu.CpuidEntry;
import dev.isthmus.memory.MemoryRegion;

/**
 * A VM of KVM, with its interrupt controllers and timer in the kernel: PICs, IOAPIC, a local APIC for each vCPU, and
 * the PIT with as much of port 0x61 as guests need to calibrate clocks.
 *
 * <p>{@link #addRam} and {@link #addTimer} may be called by another thread while this one creates vCPUs: on some hosts
 * they wait several milliseconds for a grace period of the kernel, which can so overlap with other work.
 */
public final class KvmAccelerator implements Accelerator {
    /** There on hosts whose KVM has no hardware virtualisation below it. */
    private static final String PVM_MODULE = "/sys/module/kvm_pvm";

    private final Kvm kvm;
    private final VmFd vm;
    private final boolean interruptControllers;
    private final int maxVcpus;

    /** Guarded by this. */
    private final List<KvmVcpu> vcpus = new ArrayList<>();

    /** Guarded by this. */
    private int memorySlots;

    private final KvmMsiRouting msiRouting;

    private KvmAccelerator(Kvm kvm, VmFd vm, boolean interruptControllers, int maxVcpus) {
        this.kvm = kvm;
        this.vm = vm;
        this.interruptControllers = interruptControllers;
        this.maxVcpus = maxVcpus;
        this.msiRouting = new KvmMsiRouting(vm);
    }

    /**
     * Opens KVM and makes a VM.
     *
     * @throws dev.isthmus.machine.VmException.HostUnsupported if the host can't: no device, no permission, a missing
     *     capability
     * @throws dev.isthmus.machine.VmException.HostFault if the host has no room for another VM
     */
    public static KvmAccelerator open() {
        return open(Kvm.DEFAULT_PATH, true);
    }

    /**
     * Opens KVM at a path.
     *
     * @param interruptControllers whether the VM has any; without them, HLT exits
     */
    public static KvmAccelerator open(String path, boolean interruptControllers) {
        Kvm kvm = KvmHost.open(path);
        VmFd vm = null;
        try {
            vm = KvmHost.createVm(kvm, path);
            if (interruptControllers) {
                addInterruptControllers(vm);
            }
            return new KvmAccelerator(kvm, vm, interruptControllers, kvm.checkExtension(KvmCap.KVM_CAP_MAX_VCPUS));
        } catch (RuntimeException e) {
            if (vm != null) {
                vm.close();
            }
            kvm.close();
            throw e;
        }
    }

    /** Gives a VM the controllers that all of ours have; they must be there before vCPUs. */
    private static void addInterruptControllers(VmFd vm) {
        vm.setIdentityMapAddr(MachineLayout.KVM_IDENTITY_MAP_GPA);
        vm.setTssAddr(MachineLayout.KVM_TSS_GPA);
        vm.createIrqchip();
    }

    /** Tells whether this host's KVM interprets guest code at CPL 0. */
    public static boolean hostInterpretsKernelCode() {
        return new File(PVM_MODULE).exists();
    }

    @Override
    public boolean interpretsKernelCode() {
        return hostInterpretsKernelCode();
    }

    @Override
    public int maxVcpus() {
        return maxVcpus;
    }

    @Override
    public boolean hasTscDeadlineTimer() {
        return vm.checkExtension(KvmCap.KVM_CAP_TSC_DEADLINE_TIMER) != 0;
    }

    @Override
    public CpuidEntry[] supportedCpuid() {
        try (Arena arena = Arena.ofConfined()) {
            CpuidTable table = new CpuidTable(arena, CpuidTable.MAX_ENTRIES);
            kvm.supportedCpuid(table);
            return CpuidCopy.fromKvm(table);
        }
    }

    @Override
    public void addRam(MemoryRegion region) {
        int slot;
        synchronized (this) {
            slot = memorySlots++;
        }
        KvmHost.setRam(vm, slot, region);
    }

    @Override
    public void addTimer() {
        vm.createPit2(true);
    }

    @Override
    public Vcpu createVcpu(int index) {
        KvmVcpu vcpu = new KvmVcpu(index, KvmHost.createVcpu(vm, index), interruptControllers);
        synchronized (this) {
            vcpus.add(vcpu);
        }
        return vcpu;
    }

    @Override
    public void setIrqLevel(int gsi, boolean asserted) {
        vm.irqLine(gsi, asserted);
    }

    @Override
    public void attachIrq(EventFd trigger, int gsi) {
        vm.irqfd(trigger, gsi);
    }

    @Override
    public void attachNotifier(EventFd notified, long gpa, int sizeBytes, long value) {
        vm.ioeventfdMmio(notified, gpa, sizeBytes, value);
    }

    /** Any width spares KVM the decoding of the instruction, where the processor tells what it accessed. */
    @Override
    public void attachNotifier(EventFd notified, long gpa) {
        vm.ioeventfdMmio(notified, gpa, VmFd.ANY_LENGTH);
    }

    @Override
    public void detachNotifier(EventFd notified, long gpa) {
        vm.ioeventfdMmioDeassign(notified, gpa, VmFd.ANY_LENGTH);
    }

    @Override
    public MsiRoute newMsiRoute() {
        return msiRouting.newRoute();
    }

    @Override
    public synchronized void resetToPowerOn() {
        try (Arena arena = Arena.ofConfined();
                VmFd template = kvm.createVm()) {
            if (interruptControllers) {
                addInterruptControllers(template);
                template.createPit2(true);
            }
            PowerOnState state = new PowerOnState(arena, kvm, template);
            for (KvmVcpu vcpu : vcpus) {
                state.copyTo(vcpu.fd());
            }
            if (interruptControllers) {
                state.copyInterruptControllersTo(vm);
            }
        }
    }

    @Override
    public void close() {
        synchronized (this) {
            for (KvmVcpu vcpu : vcpus) {
                vcpu.close();
            }
            vcpus.clear();
        }
        vm.close();
        kvm.close();
    }
}
