// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.ImageFormat;
import dev.isthmus.machine.boot.KernelFormat;
import dev.isthmus.machine.cpu.CpuModel;
import dev.isthmus.machine.serial.SerialConfig;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;
import dev.isthmus.virtio.VirtioDevice;

/**
 * What a machine is to be. Immutable; made by {@link #builder}.
 *
 * @param name names threads and memory of the machine, for {@code top} and {@code /proc}
 * @param kernel the kernel's file
 * @param kernelFormat what that file is
 * @param initrd the initial RAM disk's file, or null for none
 * @param commandLine the kernel's command line
 * @param cpus number of vCPUs, at least 1
 * @param cpu the CPU model
 * @param memoryBytes size of the guest's RAM
 * @param memory how the host provides it
 * @param disks virtio disks, in the order in which the guest finds them
 * @param devices virtio devices beside the disks; the guest finds them after those, in this order
 * @param transport how the guest drives its virtio devices
 * @param serial what COM1 is connected to
 * @param debugExitPort first of the four ports of the debug-exit device, or {@link #NO_DEBUG_EXIT}
 * @param serialGatePort the port of {@link dev.isthmus.machine.serial.SerialGate}, by which the guest lets serial input in,
 *     or {@link #NO_SERIAL_GATE}: input goes to the guest at once
 * @param rebootAllowed whether a reset asked for by the guest restarts the machine; else it ends with
 *     {@link MachineExit.Reset}
 * @param acpi whether the guest finds ACPI tables. Without, it has the MP table, and its kernel's command line names
 *     the virtio-mmio devices; there is then no way to power it off but its own reset
 */
public record MachineConfig(
        String name,
        Path kernel,
        KernelFormat kernelFormat,
        @Nullable Path initrd,
        String commandLine,
        int cpus,
        CpuModel cpu,
        long memoryBytes,
        MemoryConfig memory,
        List<DiskConfig> disks,
        List<DeviceConfig> devices,
        VirtioTransport transport,
        SerialConfig serial,
        int debugExitPort,
        int serialGatePort,
        boolean rebootAllowed,
        boolean acpi) {

    /** {@link #debugExitPort}: there is no such device. */
    public static final int NO_DEBUG_EXIT = -1;

    /** {@link #serialGatePort}: there is no such device. */
    public static final int NO_SERIAL_GATE = -1;

    /** RAM of a machine whose size nobody gave. */
    public static final long DEFAULT_MEMORY_BYTES = 128L << 20;

    private static final int PORTS = 0x1_0000;
    private static final int DEBUG_EXIT_PORTS = 4;

    /**
     * Checks what can be checked without the host.
     *
     * @throws VmException.Configuration if it makes no sense
     */
    public MachineConfig {
        disks = List.copyOf(disks);
        if (cpus < 1) {
            throw new VmException.Configuration("A machine can't have " + cpus + " CPUs.", "Give it 1 at least.");
        }
        devices = List.copyOf(devices);
        if (disks.size() + devices.size() > transport.maxDevices()) {
            throw new VmException.Configuration(
                    "A machine has room for " + transport.maxDevices()
                            + (devices.isEmpty() ? " disks, not for " : " disks and other virtio devices, not for ")
                            + (disks.size() + devices.size()) + ".",
                    "Give it fewer.");
        }
        checkSingle(devices, BalloonConfig.class);
        checkSingle(devices, ConsoleConfig.class);
        checkSingle(devices, VsockConfig.class);
        boolean noPort = debugExitPort < 0 || debugExitPort > PORTS - DEBUG_EXIT_PORTS;
        if (debugExitPort != NO_DEBUG_EXIT && noPort) {
            throw new VmException.Configuration(
                    "The debug-exit port can't be 0x" + Integer.toHexString(debugExitPort) + ".",
                    "Give one up to 0xfffc; 0xf4 is usual.");
        }
        if (serialGatePort != NO_SERIAL_GATE && (serialGatePort < 0 || serialGatePort >= PORTS)) {
            throw new VmException.Configuration(
                    "The serial gate's port can't be 0x" + Integer.toHexString(serialGatePort) + ".",
                    "Give one up to 0xffff; 0x508 is usual.");
        }
        for (DiskConfig disk : disks) {
            if (!disk.format().equals(DiskConfig.AUTO) && ImageFormat.ofName(disk.format()) == null) {
                throw new VmException.Configuration(
                        "Disk " + disk.path() + " has the unknown format '" + disk.format() + "'.",
                        DiskConfig.KNOWN_FORMATS);
            }
            if (disk.queues() != DiskConfig.QUEUES_BY_CPUS
                    && (disk.queues() < 1 || disk.queues() > VirtioDevice.QUEUE_COUNT_LIMIT)) {
                throw new VmException.Configuration(
                        "Disk " + disk.path() + " can't have " + disk.queues() + " queues.",
                        "Give it 1 to " + VirtioDevice.QUEUE_COUNT_LIMIT + ".");
            }
        }
    }

    private static void checkSingle(List<DeviceConfig> devices, Class<? extends DeviceConfig> kind) {
        DeviceConfig first = null;
        for (DeviceConfig device : devices) {
            if (!kind.isInstance(device)) {
                continue;
            }
            if (first != null) {
                throw new VmException.Configuration(
                        "A machine has one " + device.kind() + " at most.", "Leave the others out.");
            }
            first = device;
        }
    }

    /** Returns how many virtio devices there are, disks and others. */
    int virtioDevices() {
        return disks.size() + devices.size();
    }

    /**
     * Returns where PCI functions are to be, or null where the machine has no PCI bus: it has one for the virtio devices
     * on it, and guests without spend no time on looking for any.
     *
     * @param memory the guest's RAM
     * @param addressBits physical address bits of the CPU
     */
    @Nullable PciWindows pciWindows(GuestMemory memory, int addressBits) {
        if (transport != VirtioTransport.PCI || virtioDevices() == 0) {
            return null;
        }
        long ramEndGpa = 0;
        for (MemoryRegion region : memory.regions()) {
            ramEndGpa = Math.max(ramEndGpa, region.startGpa() + region.lengthBytes());
        }
        return PciWindows.of(ramEndGpa, addressBits);
    }

    /** Returns a builder for a machine with a kernel and else with what is usual. */
    public static Builder builder(Path kernel) {
        return new Builder(kernel);
    }

    /** Collects a configuration. One thread. */
    public static final class Builder {
        private final Path kernel;
        private String name = "vm";
        private KernelFormat kernelFormat = KernelFormat.AUTO;
        private @Nullable Path initrd;
        private String commandLine = "";
        private int cpus = 1;
        private CpuModel cpu = CpuModel.HOST;
        private long memoryBytes = DEFAULT_MEMORY_BYTES;
        private MemoryConfig memory = MemoryConfig.DEFAULT;
        private final List<DiskConfig> disks = new ArrayList<>();
        private final List<DeviceConfig> devices = new ArrayList<>();
        private VirtioTransport transport = VirtioTransport.PCI;
        private SerialConfig serial = new SerialConfig.Null();
        private int debugExitPort = NO_DEBUG_EXIT;
        private int serialGatePort = NO_SERIAL_GATE;
        private boolean rebootAllowed = true;
        private boolean acpi = true;

        private Builder(Path kernel) {
            this.kernel = kernel;
        }

        /** Sets {@link MachineConfig#name}. */
        public Builder name(String value) {
            name = value;
            return this;
        }

        /** Sets {@link MachineConfig#kernelFormat}. */
        public Builder kernelFormat(KernelFormat value) {
            kernelFormat = value;
            return this;
        }

        /** Sets {@link MachineConfig#initrd}. */
        public Builder initrd(@Nullable Path value) {
            initrd = value;
            return this;
        }

        /** Sets {@link MachineConfig#commandLine}. */
        public Builder commandLine(String value) {
            commandLine = value;
            return this;
        }

        /** Sets {@link MachineConfig#cpus}. */
        public Builder cpus(int value) {
            cpus = value;
            return this;
        }

        /** Sets {@link MachineConfig#cpu}. */
        public Builder cpu(CpuModel value) {
            cpu = value;
            return this;
        }

        /** Sets {@link MachineConfig#memoryBytes}. */
        public Builder memoryBytes(long value) {
            memoryBytes = value;
            return this;
        }

        /** Sets {@link MachineConfig#memory}. */
        public Builder memory(MemoryConfig value) {
            memory = value;
            return this;
        }

        /** Adds one to {@link MachineConfig#disks}. */
        public Builder disk(DiskConfig value) {
            disks.add(value);
            return this;
        }

        /** Adds one to {@link MachineConfig#devices}. */
        public Builder device(DeviceConfig value) {
            devices.add(value);
            return this;
        }

        /** Sets {@link MachineConfig#transport}. */
        public Builder transport(VirtioTransport value) {
            transport = value;
            return this;
        }

        /** Sets {@link MachineConfig#serial}. */
        public Builder serial(SerialConfig value) {
            serial = value;
            return this;
        }

        /** Sets {@link MachineConfig#debugExitPort}. */
        public Builder debugExitPort(int value) {
            debugExitPort = value;
            return this;
        }

        /** Sets {@link MachineConfig#serialGatePort}. */
        public Builder serialGatePort(int value) {
            serialGatePort = value;
            return this;
        }

        /** Sets {@link MachineConfig#rebootAllowed}. */
        public Builder rebootAllowed(boolean value) {
            rebootAllowed = value;
            return this;
        }

        /** Sets {@link MachineConfig#acpi}. */
        public Builder acpi(boolean value) {
            acpi = value;
            return this;
        }

        /**
         * Returns the configuration.
         *
         * @throws VmException.Configuration if it makes no sense
         */
        public MachineConfig build() {
            return new MachineConfig(
                    name,
                    kernel,
                    kernelFormat,
                    initrd,
                    commandLine,
                    cpus,
                    cpu,
                    memoryBytes,
                    memory,
                    disks,
                    devices,
                    transport,
                    serial,
                    debugExitPort,
                    serialGatePort,
                    rebootAllowed,
                    acpi);
        }
    }
}
