// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.DeviceConfig;
import dev.isthmus.machine.DiskConfig;
import dev.isthmus.machine.FolderConfig;
import dev.isthmus.machine.Machine;
import dev.isthmus.machine.MachineConfig;
import dev.isthmus.machine.MemoryConfig;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.boot.KernelFormat;
import dev.isthmus.machine.cpu.CpuModel;
import dev.isthmus.machine.serial.SerialBackend;
import dev.isthmus.machine.serial.SerialBackends;
import dev.isthmus.machine.serial.SerialConfig;

/**
 * Describes a VM and starts it. A builder may be used again, also after a change; one thread at a time.
 *
 * <p>Only the kernel has to be given.
 */
public final class VmBuilder {
    private static final int PAGE_BYTES = 4096;

    private static final AtomicInteger COUNT = new AtomicInteger();

    private @Nullable String name;
    private @Nullable Path kernel;
    private KernelFormat kernelFormat = KernelFormat.AUTO;
    private @Nullable Path initrd;
    private String commandLine = "";
    private int cpus = 1;
    private long memoryBytes = MachineConfig.DEFAULT_MEMORY_BYTES;
    private MemoryConfig memory = MemoryConfig.DEFAULT;
    private final List<DiskConfig> disks = new ArrayList<>();
    private final List<DeviceConfig> devices = new ArrayList<>();
    private VirtioTransport transport = VirtioTransport.PCI;
    private @Nullable SerialConfig serial;
    private @Nullable OutputStream serialCopy;
    private CpuModel cpu = CpuModel.HOST;
    private int debugExitPort = MachineConfig.NO_DEBUG_EXIT;
    private int serialGatePort = MachineConfig.NO_SERIAL_GATE;
    private boolean rebootAllowed = true;

    VmBuilder() {}

    /** Names the VM: its threads and messages carry the name. {@code vm-1} and so on where not given. */
    public VmBuilder name(String name) {
        this.name = name;
        return this;
    }

    /** Sets the kernel: an ELF {@code vmlinux}, a bzImage, or with {@link #kernelFormat} a flat binary. */
    public VmBuilder kernel(Path kernel) {
        this.kernel = kernel;
        return this;
    }

    /** Says what the kernel file is, where it can't be told by its content: that is, where it is a flat binary. */
    public VmBuilder kernelFormat(KernelFormat format) {
        this.kernelFormat = format;
        return this;
    }

    /** Sets the initial RAM disk. */
    public VmBuilder initrd(Path initrd) {
        this.initrd = initrd;
        return this;
    }

    /** Sets the kernel's command line. */
    public VmBuilder commandLine(String commandLine) {
        this.commandLine = commandLine;
        return this;
    }

    /** Sets the number of virtual CPUs, from 1 up to what KVM allows. */
    public VmBuilder cpus(int cpus) {
        this.cpus = cpus;
        return this;
    }

    /**
     * Sets the size of guest memory as {@link ByteSize#parse} reads it; rounded up to a whole page.
     *
     * @throws VmException.Configuration if it is no size
     */
    public VmBuilder memory(String size) {
        long bytes = ByteSize.parse(size);
        long partOfPage = bytes & (PAGE_BYTES - 1);
        return memoryBytes(partOfPage == 0 || bytes > Long.MAX_VALUE - PAGE_BYTES ? bytes : bytes + PAGE_BYTES - partOfPage);
    }

    /** Sets the size of guest memory, a multiple of 4096. */
    public VmBuilder memoryBytes(long bytes) {
        this.memoryBytes = bytes;
        return this;
    }

    /** Sets how the host provides guest memory: with huge pages, all at once. */
    public VmBuilder memory(MemoryConfig memory) {
        this.memory = memory;
        return this;
    }

    /**
     * Adds a virtio disk over an image that the guest may write to, of a format that is found out
     * ({@link DiskConfig#AUTO}); the first is Linux's {@code /dev/vda}.
     */
    public VmBuilder disk(Path image) {
        return disk(DiskConfig.of(image));
    }

    /** Adds a virtio disk over an image that the guest may only read, of a format that is found out. */
    public VmBuilder readOnlyDisk(Path image) {
        return disk(DiskConfig.of(image).withReadOnly(true));
    }

    /** Adds a virtio disk with all its details. */
    public VmBuilder disk(DiskConfig disk) {
        disks.add(disk);
        return this;
    }

    /** Adds a virtio device that is no disk: a network interface, a shared folder and so on. */
    public VmBuilder device(DeviceConfig device) {
        devices.add(device);
        return this;
    }

    /**
     * Shares a folder of the host, which the guest can write to. In Linux {@code mount -t virtiofs TAG /mnt} mounts it, and
     * a kernel with the command line {@code rootfstype=virtiofs root=TAG rw} boots from it.
     *
     * @param tag what the guest mounts
     */
    public VmBuilder folder(Path folder, String tag) {
        return device(FolderConfig.of(folder, tag));
    }

    /** Sets how the guest finds its virtio devices; as functions of a PCI bus where not given. */
    public VmBuilder transport(VirtioTransport transport) {
        this.transport = transport;
        return this;
    }

    /**
     * Connects the serial line to something else than {@link Vm#serial()}, which then can't be used. Where this is not
     * called, what the guest sends is captured.
     */
    public VmBuilder serial(SerialConfig serial) {
        this.serial = serial;
        return this;
    }

    /**
     * Copies what the guest sends to a stream as well, on a thread that lives as long as the VM. {@link Vm#close()}
     * waits until the rest is written; the stream is flushed, not closed. After an error nothing more is written to it.
     */
    public VmBuilder copySerialTo(OutputStream stream) {
        this.serialCopy = stream;
        return this;
    }

    /** Sets what CPU the guest sees; the host's where not given. See {@link Vm#cpuFlagsWithoutEffect}. */
    public VmBuilder cpu(CpuModel cpu) {
        this.cpu = cpu;
        return this;
    }

    /**
     * Adds a port that ends the VM when the guest writes to it, as QEMU's isa-debug-exit does.
     *
     * @param port the I/O port, for example {@link dev.isthmus.machine.MachineLayout#DEBUG_EXIT_PORT}
     */
    public VmBuilder debugExit(int port) {
        this.debugExitPort = port;
        return this;
    }

    /**
     * Has serial input wait until the guest lets it in by writing to a port, after each start and reset of the machine; see
     * {@link dev.isthmus.machine.serial.SerialGate}. For guests that do so, as the demo guest does: others get no input.
     *
     * @param port the I/O port, for example {@link dev.isthmus.machine.MachineLayout#SERIAL_GATE_PORT}
     */
    public VmBuilder serialGate(int port) {
        this.serialGatePort = port;
        return this;
    }

    /** Has the VM end where the guest would reset. */
    public VmBuilder noReboot() {
        this.rebootAllowed = false;
        return this;
    }

    /**
     * Returns the description as the machine will get it, without the library's own serial line.
     *
     * @throws VmException.Configuration if there is no kernel, or something can't be right
     */
    public MachineConfig config() {
        return config(name == null ? nextName() : name, serial == null ? new SerialConfig.Null() : serial);
    }

    /**
     * Starts the VM.
     *
     * @return the running VM, which the caller has to close
     * @throws VmException.Configuration if the configuration can't be right, for example without such a kernel
     * @throws VmException.HostUnsupported if the host can't run VMs
     * @throws VmException.HostFault if the host failed, for example for lack of memory
     */
    public Vm start() {
        String vmName = name == null ? nextName() : name;
        SerialConfig external = serial;
        if (external == null) {
            CapturedSerial captured = new CapturedSerial(vmName, serialCopy);
            try {
                return Vm.start(create(vmName, captured.backend()), captured, "");
            } catch (Throwable failure) {
                captured.close();
                throw failure;
            }
        }
        if (serialCopy != null) {
            throw new VmException.Configuration(
                    "the serial line is connected and can't be copied as well", "Use serial or copySerialTo.");
        }
        SerialBackend backend = SerialBackends.open(external);
        return Vm.start(create(vmName, backend), null, backend.peerName());
    }

    /** Creates the machine; closes the backend, which would be its own, where that fails. */
    private Machine create(String vmName, SerialBackend backend) {
        try {
            return Machine.create(config(vmName, new SerialConfig.Custom(backend)));
        } catch (Throwable failure) {
            backend.close();
            throw failure;
        }
    }

    private MachineConfig config(String vmName, SerialConfig line) {
        Path image = kernel;
        if (image == null) {
            throw new VmException.Configuration("no kernel given", "Name one with kernel(Path).");
        }
        MachineConfig.Builder config = MachineConfig.builder(image)
                .name(vmName)
                .kernelFormat(kernelFormat)
                .initrd(initrd)
                .commandLine(commandLine)
                .cpus(cpus)
                .cpu(cpu)
                .memoryBytes(memoryBytes)
                .memory(memory)
                .transport(transport)
                .serial(line)
                .debugExitPort(debugExitPort)
                .serialGatePort(serialGatePort)
                .rebootAllowed(rebootAllowed);
        for (DiskConfig disk : disks) {
            config.disk(disk);
        }
        for (DeviceConfig device : devices) {
            config.device(device);
        }
        return config.build();
    }

    private static String nextName() {
        return "vm-" + COUNT.incrementAndGet();
    }
}
