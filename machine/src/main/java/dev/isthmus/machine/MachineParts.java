// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.machine.accel.Accelerator;
import dev.isthmus.machine.accel.Vcpu;
import dev.isthmus.machine.accel.kvm.KvmAccelerator;
import dev.isthmus.machine.acpi.AcpiTables;
import dev.isthmus.machine.acpi.PlatformDescription;
import dev.isthmus.machine.boot.InitialCpuState;
import dev.isthmus.machine.boot.Kernel;
import dev.isthmus.machine.boot.KernelLoader;
import dev.isthmus.machine.cpu.CpuidBuilder;
import dev.isthmus.machine.cpu.CpuidEntry;
import dev.isthmus.machine.cpu.CpuidOptions;
import dev.isthmus.machine.cpu.HostBrand;
import dev.isthmus.machine.io.HostFaults;
import dev.isthmus.machine.io.IoThread;
import dev.isthmus.machine.mptable.MpTable;
import dev.isthmus.machine.serial.SerialBackend;
import dev.isthmus.machine.serial.SerialBackends;
import dev.isthmus.machine.vcpu.ExitDispatcher;
import dev.isthmus.machine.vcpu.VcpuThread;
import dev.isthmus.memory.GuestMemory;

/**
 * All that a machine holds of the host, built in one go and given back in the order that THREADING.md asks for: vCPU
 * threads, disk requests and workers, devices, the loop, the accelerator, RAM.
 *
 * <p>One thread at a time, but for {@link #setGoal} and what only reads.
 */
final class MachineParts implements AutoCloseable {
    private static final int CPUID_ADDRESS_SIZES = 0x8000_0008;

    /** As many as x86-64 defines (Intel SDM volume 3, section 4.1.4). */
    private static final int MAX_ADDRESS_BITS = 52;

    private static final Path CPUINFO = Path.of("/proc/cpuinfo");

    private final MachineConfig config;
    private final Accelerator accelerator;
    private final GuestRam ram;
    private final int addressBits;
    private @Nullable Kernel kernel;
    private @Nullable IoThread loop;
    private @Nullable DiskEngines engines;
    private @Nullable MachineDevices devices;

    private List<String> cpuFlagsWithoutEffect = List.of();

    /** Not changed any more once the machine is complete. */
    private final List<VcpuThread> vcpuThreads = new ArrayList<>();

    private boolean threadsStarted;
    private boolean closed;

    private MachineParts(MachineConfig config, Accelerator accelerator, int addressBits, GuestRam ram) {
        this.addressBits = addressBits;
        this.config = config;
        this.accelerator = accelerator;
        this.ram = ram;
    }

    /**
     * Takes the host's resources, makes vCPUs and devices and fills the memory.
     *
     * @throws VmException if the configuration can't be had on this host
     */
    static MachineParts build(MachineConfig config, RunControl control) {
        Accelerator accelerator = KvmAccelerator.open();
        CpuidEntry[] supported;
        int addressBits;
        GuestRam ram;
        try {
            supported = accelerator.supportedCpuid();
            addressBits = addressBits(supported);
            checkLimits(config, accelerator, addressBits);
            ram = GuestRam.allocate(config.name(), config.memoryBytes(), config.memory());
        } catch (RuntimeException e) {
            accelerator.close();
            throw e;
        }
        MachineParts parts = new MachineParts(config, accelerator, addressBits, ram);
        SlowSetup setup;
        try {
            setup = SlowSetup.start(config.name() + "-setup", accelerator, ram.memory());
        } catch (VmException e) {
            parts.close();
            throw e;
        }
        try {
            parts.assemble(control, supported);
            setup.finish();
            return parts;
        } catch (ErrnoException e) {
            throw parts.closeAfter(setup, HostFaults.of("The host has no room for the machine", e));
        } catch (RuntimeException e) {
            throw parts.closeAfter(setup, e);
        }
    }

    private RuntimeException closeAfter(SlowSetup setup, RuntimeException failure) {
        setup.await();
        try {
            close();
        } catch (RuntimeException e) {
            failure.addSuppressed(e);
        }
        return failure;
    }

    /** Returns the physical address bits of the CPU, as many as there can be where it does not say. */
    private static int addressBits(CpuidEntry[] supported) {
        for (CpuidEntry entry : supported) {
            if (entry.function == CPUID_ADDRESS_SIZES) {
                return Math.min(entry.eax & 0xff, MAX_ADDRESS_BITS);
            }
        }
        return MAX_ADDRESS_BITS;
    }

    private static void checkLimits(MachineConfig config, Accelerator accelerator, int addressBits) {
        if (config.cpus() > accelerator.maxVcpus()) {
            throw new VmException.Configuration(
                    "This host runs VMs of " + accelerator.maxVcpus() + " CPUs at most, not of " + config.cpus() + ".",
                    "Give the machine fewer.");
        }
        if (config.memoryBytes() > (1L << addressBits) - MachineLayout.HIGH_RAM_GPA) {
            throw new VmException.Configuration(
                    "This host's processor can't address " + config.memoryBytes() + " bytes of guest memory.",
                    "Give the machine less.");
        }
    }

    private void assemble(RunControl control, CpuidEntry[] supported) {
        kernel = KernelLoader.open(config.kernel(), config.kernelFormat(), config.initrd());
        loop = IoThread.start(config.name() + "-io", control);
        engines = DiskEngines.open(config, loop, control);
        SerialBackend serial = SerialBackends.open(config.serial());
        DeviceHost host = new DeviceHost(config.name(), config.cpus(), loop, ram, control);
        devices = MachineDevices.build(config, accelerator, addressBits, host, engines, control, control, serial);
        ExitDispatcher dispatcher = new ExitDispatcher(devices.ports(), devices.mmio());
        makeVcpus(dispatcher, control, supported);
        fillMemory();
    }

    private void makeVcpus(ExitDispatcher dispatcher, RunControl control, CpuidEntry[] supported) {
        List<Vcpu> vcpus = new ArrayList<>();
        for (int i = 0; i < config.cpus(); i++) {
            Vcpu vcpu = accelerator.createVcpu(i);
            vcpus.add(vcpu);
            vcpuThreads.add(new VcpuThread(config.name() + "-vcpu-" + i, vcpu, dispatcher, control));
        }
        CpuidOptions options = new CpuidOptions(
                vcpus.get(0).tscKhz(),
                accelerator.hasTscDeadlineTimer(),
                !accelerator.interpretsKernelCode(),
                HostBrand.read(CPUINFO));
        CpuidBuilder cpuid = new CpuidBuilder(supported, config.cpu(), config.cpus(), options);
        for (int i = 0; i < config.cpus(); i++) {
            vcpus.get(i).setCpuid(cpuid.forVcpu(i));
        }
        if (config.cpu().hasFlags()) {
            cpuFlagsWithoutEffect = config.cpu().flagsWithoutEffect(vcpus.get(0).cpuid());
        }
    }

    /** Writes tables and kernel to RAM, which is all zeroes, and sets the boot processor's registers. */
    private void fillMemory() {
        GuestMemory memory = ram.memory();
        PciWindows pci = config.pciWindows(memory, addressBits);
        int devices = config.virtioDevices();
        long rsdpGpa = 0;
        if (config.acpi()) {
            int mmioDevices = pci == null ? devices : 0;
            AcpiTables.write(memory, PlatformDescription.standard(config.cpus(), mmioDevices, pci));
            rsdpGpa = MachineLayout.ACPI_RSDP_GPA;
        }
        MpTable.write(memory, config.cpus(), pci == null ? 0 : devices);
        Kernel placed = kernel;
        if (placed != null) {
            InitialCpuState state = placed.place(memory, commandLine(), rsdpGpa);
            vcpuThreads.get(0).vcpu().setInitialState(state);
        }
    }

    /** Without ACPI, Linux learns of virtio-mmio devices from its command line (its kernel-parameters.txt). */
    private String commandLine() {
        if (config.acpi() || config.transport() != VirtioTransport.MMIO) {
            return config.commandLine();
        }
        StringBuilder text = new StringBuilder(config.commandLine());
        for (int i = 0; i < config.virtioDevices(); i++) {
            text.append(" virtio_mmio.device=")
                    .append(MachineLayout.VIRTIO_MMIO_LENGTH_BYTES)
                    .append("@0x")
                    .append(Long.toHexString(MachineLayout.virtioMmioGpa(i)))
                    .append(':')
                    .append(MachineLayout.virtioMmioIrq(i));
        }
        return text.toString().strip();
    }

    Accelerator accelerator() {
        return accelerator;
    }

    GuestMemory memory() {
        return ram.memory();
    }

    MachineDevices devices() {
        if (devices == null) {
            throw new IllegalStateException("The machine is not complete");
        }
        return devices;
    }

    List<String> cpuFlagsWithoutEffect() {
        return cpuFlagsWithoutEffect;
    }

    List<VcpuThread> vcpuThreads() {
        return vcpuThreads;
    }

    /** Starts the vCPU threads, parked. Where the host has no more threads, that is the machine's end. */
    void startThreads(RunControl control) {
        threadsStarted = true;
        for (VcpuThread thread : vcpuThreads) {
            try {
                thread.start();
            } catch (VmException e) {
                control.hostFailed(e);
                control.ended(thread.vcpu());
            }
        }
    }

    /** Sets the goal of all vCPU threads. Any thread. */
    void setGoal(VcpuThread.Goal goal) {
        for (VcpuThread thread : vcpuThreads) {
            thread.setGoal(goal);
        }
    }

    /** Parks all vCPU threads and waits until they are. Not on one of them. */
    void park() {
        setGoal(VcpuThread.Goal.PARK);
        for (VcpuThread thread : vcpuThreads) {
            thread.awaitParked();
        }
    }

    /** Puts everything into its state after power-on and the kernel into memory again; the vCPUs are parked. */
    void reset() {
        devices().reset();
        accelerator.resetToPowerOn();
        ram.zero();
        fillMemory();
    }

    /** Gives everything back. Idempotent. Not on a thread of the machine. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (threadsStarted) {
            setGoal(VcpuThread.Goal.STOP);
            for (VcpuThread thread : vcpuThreads) {
                thread.join();
            }
        }
        if (devices != null) {
            devices.quiesce();
        }
        if (engines != null) {
            engines.close();
        }
        if (devices != null) {
            devices.close();
        }
        if (loop != null) {
            loop.close();
        }
        accelerator.close();
        if (kernel != null) {
            kernel.close();
        }
        ram.close();
    }
}
