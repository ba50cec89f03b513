// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.acpi;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.PciWindows;
import dev.isthmus.machine.pci.PciConfigPorts;

/**
 * The PCI host bridge in the DSDT.
 *
 * <pre>
 *  PCI0   PCI Express root: windows (_CRS), interrupt lines (_PRT), features that the system may take over (_OSC)
 *  MCFG   the memory of configuration space, which systems take only where it is reserved
 *         (PCI Firmware Specification 3.2, section 4.1.2)
 * </pre>
 */
final class PciRootAml {
    private static final int ALL_FUNCTIONS = 0xffff;

    // _OSC (ACPI 6.5, section 6.2.11).

    private static final int OSC_ARGUMENTS = 4;
    private static final int OSC_UUID = 0;
    private static final int OSC_REVISION = 1;
    private static final int OSC_CAPABILITIES = 3;
    private static final int OSC_UNRECOGNIZED_UUID = 1 << 2;
    private static final int OSC_UNRECOGNIZED_REVISION = 1 << 3;

    /** 33db4d5b-1ff7-401c-9657-7441c03dd766 in the byte order of {@code ToUUID} (section 19.6.142): PCI host bridge. */
    private static final byte[] OSC_UUID_PCI_HOST = {
        0x5b, 0x4d, (byte) 0xdb, 0x33, (byte) 0xf7, 0x1f, 0x1c, 0x40,
        (byte) 0x96, 0x57, 0x74, 0x41, (byte) 0xc0, 0x3d, (byte) 0xd7, 0x66
    };

    private PciRootAml() {}

    static void append(AmlBuilder aml, PciWindows windows) {
        aml.beginDevice("PCI0")
                .name("_HID").eisaId("PNP0A08")
                .name("_CID").eisaId("PNP0A03")
                .name("_SEG").integer(0)
                .name("_BBN").integer(0)
                .name("_UID").integer(0)
                .name("_CRS").buffer(resources(windows));
        interruptRouting(aml);
        operatingSystemCapabilities(aml);
        aml.end();

        byte[] ecam = new ResourceTemplate()
                .memory32Fixed(MachineLayout.PCI_ECAM_GPA, MachineLayout.PCI_ECAM_LENGTH_BYTES)
                .finish();
        aml.beginDevice("MCFG")
                .name("_HID").eisaId("PNP0C02")
                .name("_UID").integer(0)
                .name("_CRS").buffer(ecam)
                .end();
    }

    private static byte[] resources(PciWindows windows) {
        ResourceTemplate resources = new ResourceTemplate()
                .busNumbers(0, 0)
                .io(PciConfigPorts.PORT, PciConfigPorts.LENGTH_BYTES)
                .memory32Window(MachineLayout.PCI_MMIO32_GPA, MachineLayout.PCI_MMIO32_LENGTH_BYTES);
        if (windows.length64Bytes() != 0) {
            resources.memory64Window(windows.gpa64(), windows.length64Bytes());
        }
        return resources.finish();
    }

    /** Section 6.2.13: address, pin, no link device, and so the GSI itself; PCI's defaults are level and active low. */
    private static void interruptRouting(AmlBuilder aml) {
        aml.name("_PRT").beginPackage(MachineLayout.PCI_DEVICES_MAX - 1);
        for (int device = 1; device < MachineLayout.PCI_DEVICES_MAX; device++) {
            aml.beginPackage(4)
                    .integer((long) device << 16 | ALL_FUNCTIONS)
                    .integer(0) // INTA
                    .integer(0)
                    .integer(MachineLayout.pciIntxIrq(MachineLayout.pciIntxIndex(device)))
                    .end();
        }
        aml.end();
    }

    /**
     * Whatever of PCI Express the system asks for it may control: there is no firmware that does it meanwhile. So the
     * capabilities go back as they came, but for the errors in their first word.
     */
    private static void operatingSystemCapabilities(AmlBuilder aml) {
        aml.beginMethod("_OSC", OSC_ARGUMENTS, true)
                .createDWordField().arg(OSC_CAPABILITIES).integer(0).path("CDW1")
                .beginIf().lEqual().arg(OSC_UUID).buffer(OSC_UUID_PCI_HOST)
                .beginIf().lNot().lEqual().arg(OSC_REVISION).integer(1)
                .or().path("CDW1").integer(OSC_UNRECOGNIZED_REVISION).path("CDW1")
                .end()
                .end()
                .beginElse()
                .or().path("CDW1").integer(OSC_UNRECOGNIZED_UUID).path("CDW1")
                .end()
                .returnOp().arg(OSC_CAPABILITIES)
                .end();
    }
}
