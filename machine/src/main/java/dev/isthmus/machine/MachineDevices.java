// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BusDevice;
import dev.isthmus.machine.accel.Accelerator;
import dev.isthmus.machine.bus.Bus;
import dev.isthmus.machine.io.IoThread;
import dev.isthmus.machine.irq.LevelIrqLine;
import dev.isthmus.machine.pci.PciConfigPorts;
import dev.isthmus.machine.pci.PciHost;
import dev.isthmus.machine.platform.AcpiPower;
import dev.isthmus.machine.platform.CmosRtc;
import dev.isthmus.machine.platform.DebugExit;
import dev.isthmus.machine.platform.I8042;
import dev.isthmus.machine.platform.MachineControl;
import dev.isthmus.machine.platform.PvPanic;
import dev.isthmus.machine.serial.SerialBackend;
import dev.isthmus.machine.serial.SerialGate;
import dev.isthmus.machine.serial.Uart16550;
import dev.isthmus.machine.virtio.MmioSlot;
import dev.isthmus.machine.virtio.PciSlot;
import dev.isthmus.machine.virtio.VirtioSlot;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.transport.MmioTransport;

/** The devices of a machine and the buses that they are on. */
final class MachineDevices {
    /** How long output may keep the end of a machine waiting where its reader does not take it. */
    private static final long SERIAL_DRAIN_NANOS = 2_000_000_000L;

    private static final int COM1_IRQ = MachineLayout.COM1_IRQ;
    private static final int RTC_IRQ = 8;

    private final Uart16550 uart;
    private final AcpiPower power;
    private final I8042 keyboardController;
    private final CmosRtc clock;
    private final PvPanic panic;
    private final List<Disk> disks = new ArrayList<>();
    private final List<HostedDevice> hosted = new ArrayList<>();
    private final List<VirtioSlot> slots = new ArrayList<>();
    private @Nullable PciHost pciHost;
    private final Bus.Builder portBus = new Bus.Builder();
    private final Bus.Builder mmioBus = new Bus.Builder();

    private MachineDevices(
            Accelerator accelerator, GuestMemory memory, IoThread loop, MachineControl control, SerialBackend serial) {
        long lowRamBytes = 0;
        long highRamBytes = 0;
        for (MemoryRegion region : memory.regions()) {
            if (region.startGpa() < MachineLayout.HIGH_RAM_GPA) {
                lowRamBytes += region.lengthBytes();
            } else {
                highRamBytes += region.lengthBytes();
            }
        }
        uart = new Uart16550(new LevelIrqLine(accelerator, COM1_IRQ), loop, serial);
        power = new AcpiPower(control, new LevelIrqLine(accelerator, MachineLayout.ACPI_GED_IRQ));
        keyboardController = new I8042(control);
        clock = new CmosRtc(
                new LevelIrqLine(accelerator, RTC_IRQ), loop, InstantSource.system(), lowRamBytes, highRamBytes);
        panic = new PvPanic(control);
        portBus.add("serial port", MachineLayout.COM1_PORT, Uart16550.LENGTH_BYTES, uart)
                .add("ACPI registers", MachineLayout.ACPI_SLEEP_CONTROL_PORT, AcpiPower.LENGTH_BYTES, power)
                .add("i8042", MachineLayout.I8042_PORT, I8042.LENGTH_BYTES, keyboardController)
                .add("RTC", MachineLayout.CMOS_PORT, CmosRtc.LENGTH_BYTES, clock)
                .add("pvpanic", MachineLayout.PVPANIC_PORT, PvPanic.LENGTH_BYTES, panic);
    }

    /**
     * Makes the devices of a machine.
     *
     * @param addressBits physical address bits of the CPU
     * @param host what the machine has for its devices
     * @param serial not attached yet; closed with the devices, or here where this fails
     */
    static MachineDevices build(
            MachineConfig config,
            Accelerator accelerator,
            int addressBits,
            DeviceHost host,
            DiskEngines engines,
            MachineControl control,
            DiskFaultListener diskFaults,
            SerialBackend serial) {
        GuestMemory memory = host.ram().memory();
        IoThread loop = host.loop();
        MachineDevices devices = new MachineDevices(accelerator, memory, loop, control, serial);
        try {
            devices.addDebugExit(config.debugExitPort(), control);
            PciWindows windows = config.pciWindows(memory, addressBits);
            if (windows != null) {
                devices.addPciHost(accelerator, windows);
            }
            devices.addSerialGate(config.serialGatePort());
            List<DiskConfig> diskConfigs = config.disks();
            for (int i = 0; i < diskConfigs.size(); i++) {
                Disk disk = Disk.open(diskConfigs.get(i), i, config.cpus(), loop, engines, diskFaults);
                devices.disks.add(disk);
                devices.slots.add(devices.attach(disk.device(), disk.name(), accelerator, memory, loop));
            }
            for (DeviceConfig deviceConfig : config.devices()) {
                HostedDevice device = host.open(deviceConfig, devices.nameOf(deviceConfig));
                devices.hosted.add(device);
                devices.slots.add(devices.attach(device.device(), device.name(), accelerator, memory, loop));
            }
            return devices;
        } catch (RuntimeException e) {
            devices.close();
            throw e;
        }
    }

    private void addPciHost(Accelerator accelerator, PciWindows windows) {
        PciHost host = new PciHost(accelerator, windows);
        pciHost = host;
        portBus.add("PCI configuration", PciConfigPorts.PORT, PciConfigPorts.LENGTH_BYTES, host.ports());
        mmioBus.add("PCI ECAM", MachineLayout.PCI_ECAM_GPA, MachineLayout.PCI_ECAM_LENGTH_BYTES, host.ecam())
                .add(
                        "PCI window",
                        MachineLayout.PCI_MMIO32_GPA,
                        MachineLayout.PCI_MMIO32_LENGTH_BYTES,
                        host.window(MachineLayout.PCI_MMIO32_GPA));
        if (windows.length64Bytes() != 0) {
            mmioBus.add(
                    "PCI window above RAM", windows.gpa64(), windows.length64Bytes(), host.window(windows.gpa64()));
        }
    }

    /** Names a device by its id, or by its position among those of its kind. */
    private String nameOf(DeviceConfig config) {
        String id = config.id();
        if (id != null) {
            return config.kind() + " " + id;
        }
        int position = 0;
        for (HostedDevice device : hosted) {
            if (device.config().kind().equals(config.kind())) {
                position++;
            }
        }
        return config.kind() + " " + position;
    }

    /** Puts a virtio device where the machine has them. */
    private VirtioSlot attach(
            VirtioDevice device, String name, Accelerator accelerator, GuestMemory memory, IoThread loop) {
        if (pciHost != null) {
            return PciSlot.attach(pciHost, name, device, memory, loop);
        }
        int index = slots.size();
        MmioSlot slot = MmioSlot.attach(index, name, device, accelerator, memory, loop);
        mmioBus.add("virtio-mmio " + index, slot.gpa(), MmioTransport.LENGTH_BYTES, slot.transport());
        return slot;
    }

    private void addDebugExit(int port, MachineControl control) {
        if (port == MachineConfig.NO_DEBUG_EXIT) {
            return;
        }
        addAtPort("debug-exit", port, DebugExit.LENGTH_BYTES, new DebugExit(control), "Give another port; 0xf4 is usual.");
    }

    private void addSerialGate(int port) {
        if (port == MachineConfig.NO_SERIAL_GATE) {
            return;
        }
        uart.gateInput();
        addAtPort("serial gate", port, SerialGate.LENGTH_BYTES, new SerialGate(uart), "Give another port; 0x508 is usual.");
    }

    /** Adds a device at a port of the configuration's choice. */
    private void addAtPort(String name, int port, int lengthBytes, BusDevice device, String remedy) {
        try {
            portBus.add(name, port, lengthBytes, device);
        } catch (IllegalArgumentException e) {
            throw new VmException.Configuration(
                    "The " + name + " port is in use by another device: " + e.getMessage() + ".", remedy, e);
        }
    }

    /** Returns the I/O ports. */
    Bus ports() {
        return portBus.build();
    }

    /** Returns the MMIO addresses. */
    Bus mmio() {
        return mmioBus.build();
    }

    /** Returns the disks, in the order in which the guest finds them. Not changed once the machine is built. */
    List<Disk> disks() {
        return disks;
    }

    /** Returns the virtio devices beside the disks, in the order in which the guest finds them. Not changed once built. */
    List<HostedDevice> hosted() {
        return hosted;
    }

    /** Has disks go on that have kept requests. Any thread but the loop's. */
    void retryDisks() {
        for (Disk disk : disks) {
            if (disk.stopped()) {
                disk.retry();
            }
        }
    }

    /** Presses the power button. Any thread. */
    void pressPowerButton() {
        power.pressPowerButton();
    }

    /** Returns the last few KiB of serial output. Any thread. */
    String lastSerialOutput() {
        return uart.lastOutput();
    }

    /** Waits until serial output has left, as long as that is reasonable. Not on the loop. */
    void drainSerial() {
        uart.drain(SERIAL_DRAIN_NANOS);
    }

    /** Puts all devices into their state after power-on; no vCPU is running, requests in flight end. Not on the loop. */
    void reset() {
        for (VirtioSlot slot : slots) {
            slot.reset();
        }
        if (pciHost != null) {
            pciHost.reset();
        }
        uart.reset();
        power.reset();
        keyboardController.reset();
        clock.reset();
        panic.reset();
    }

    /** Ends what devices do by themselves: requests in flight, host interfaces. The loop and the workers still run. */
    void quiesce() {
        for (VirtioSlot slot : slots) {
            slot.reset();
        }
    }

    /** Closes all that devices hold of the host. The engines of disks have ended, the loop still runs. */
    void close() {
        uart.close();
        for (VirtioSlot slot : slots) {
            slot.close();
        }
        if (pciHost != null) {
            pciHost.close();
        }
        for (Disk disk : disks) {
            disk.close();
        }
        for (HostedDevice device : hosted) {
            device.close();
        }
    }
}
