// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pci;

import dev.isthmus.device.BusDevice;
import dev.isthmus.device.IrqLine;
import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.PciWindows;
import dev.isthmus.machine.accel.Accelerator;
import dev.isthmus.machine.irq.LevelIrqLine;
import dev.isthmus.machine.irq.SharedIrqLine;

/**
 * The host bridge: bus 0 with the bridge itself as device 0, the two ways to configuration space, the windows of BARs,
 * and the four interrupt lines that functions share.
 */
public final class PciHost implements AutoCloseable {
    /** QEMU's generic PCI Express host bridge, which drivers need not know. */
    private static final int VENDOR_ID_REDHAT = 0x1b36;

    private static final int DEVICE_ID_REDHAT_PCIE_HOST = 0x0008;
    private static final int CLASS_HOST_BRIDGE = 0x06_00_00;

    private final Accelerator accelerator;
    private final PciWindows windows;
    private final PciBus bus;
    private final PciEcam ecam;
    private final PciConfigPorts ports;
    private final SharedIrqLine[] lines = new SharedIrqLine[MachineLayout.pciIntxIrqCount()];

    /** Makes a host bridge with an empty bus. */
    public PciHost(Accelerator accelerator, PciWindows windows) {
        this.accelerator = accelerator;
        this.windows = windows;
        this.bus = new PciBus(windows);
        this.ecam = new PciEcam(bus);
        this.ports = new PciConfigPorts(bus);
        for (int i = 0; i < lines.length; i++) {
            lines[i] = new SharedIrqLine(new LevelIrqLine(accelerator, MachineLayout.pciIntxIrq(i)));
        }
        bus.add(new PciFunction(VENDOR_ID_REDHAT, DEVICE_ID_REDHAT_PCIE_HOST, CLASS_HOST_BRIDGE, 0, 0));
    }

    /** Returns the windows. */
    public PciWindows windows() {
        return windows;
    }

    /** Returns who answers at {@link MachineLayout#PCI_ECAM_GPA}. */
    public PciEcam ecam() {
        return ecam;
    }

    /** Returns who answers at the ports from {@link PciConfigPorts#PORT}. */
    public PciConfigPorts ports() {
        return ports;
    }

    /** Returns who answers in a window, at offsets from its start. */
    public BusDevice window(long gpa) {
        return bus.window(gpa);
    }

    /** Returns what runs the guest whose bus this is. */
    public Accelerator accelerator() {
        return accelerator;
    }

    /** Makes the vectors of a function, see {@link PciFunction#addMsix}. */
    public Msix newMsix(int count, String name) {
        return new Msix(accelerator, count, name);
    }

    /** Connects INTA of the function that is to be added next; returns the end that its device drives. */
    public IrqLine connectLine(PciFunction function) {
        int index = MachineLayout.pciIntxIndex(bus.nextDevice());
        return function.connectLine(lines[index].newInput(), MachineLayout.pciIntxIrq(index));
    }

    /** Plugs a function in, which is complete; gives its BARs their first addresses. */
    public void add(PciFunction function) {
        bus.add(function);
    }

    /** Takes the state after power-on, after the devices behind the functions have; no vCPU is running. */
    public void reset() {
        ports.reset();
        bus.reset();
    }

    /** Gives back what functions hold of the host; nothing interrupts any more. */
    @Override
    public void close() {
        bus.close();
    }
}
