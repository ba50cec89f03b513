// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pci;

/**
 * The capability of a PCI Express function that is integrated into the root complex, as every function on the root bus
 * without a port above it is (PCI Express 5.0, section 7.5.3). Systems look for it before they believe in a function's 4
 * KiB of configuration space, and FreeBSD before it uses message-signalled interrupts in a virtual machine.
 *
 * <p>All of it is read-only: there is no link, payloads are of 128 bytes, and errors are not reported, as such functions
 * may have it.
 */
final class ExpressCapability {
    private static final int CAP_ID_EXP = 0x10;
    private static final int LENGTH_BYTES = 0x3c;

    // PCI Express Capabilities register (7.5.3.2).
    private static final int CAPABILITIES = 0x02;
    private static final int VERSION_2 = 2;
    private static final int TYPE_ROOT_COMPLEX_INTEGRATED_ENDPOINT = 9 << 4;

    // Device Capabilities register (7.5.3.3).
    private static final int DEVICE_CAPABILITIES = 0x04;
    private static final int ROLE_BASED_ERROR_REPORTING = 1 << 15;

    private ExpressCapability() {}

    /** Returns the capability, without the link to the next. */
    static byte[] integratedEndpoint() {
        byte[] capability = new byte[LENGTH_BYTES];
        capability[0] = CAP_ID_EXP;
        LittleEndian.put(capability, CAPABILITIES, 2, VERSION_2 | TYPE_ROOT_COMPLEX_INTEGRATED_ENDPOINT);
        LittleEndian.put(capability, DEVICE_CAPABILITIES, 4, ROLE_BASED_ERROR_REPORTING);
        return capability;
    }
}
