// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.machine.NetConfig;
import dev.isthmus.machine.NetworkLink;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.virtio.net.VirtualSwitch;
import dev.isthmus.vmm.Vm;

import static org.junit.jupiter.api.Assertions.assertEquals;

/**
 * A driver that polls sends itself packets, from each of two interfaces on a switch to the other, and compares every byte
 * of them, header and all: frames, and TCP segments whose division and checksum are left to the other side.
 */
@RequiresKvm
class DriverGuestNetIT {
    private static final int PACKETS_EACH_WAY = 2000;

    @ParameterizedTest
    @CsvSource({
        "PCI,  bytes=60 event_idx=1 indirect=1 mergeable=1",
        "PCI,  bytes=1514 event_idx=0 indirect=0 mergeable=0 segments=3",
        "PCI,  tso=1 event_idx=1 indirect=1 mergeable=1 segments=16 depth=7",
        "PCI,  packed=1 bytes=1000 event_idx=1 indirect=1 mergeable=1 segments=2",
        "PCI,  packed=1 tso=1 bytes=64294 event_idx=0 indirect=0 mergeable=1 segments=4 queue_size=251 depth=6",
        "MMIO, bytes=61 event_idx=0 indirect=1 mergeable=0 offloads=0",
        "MMIO, tso=1 bytes=9000 event_idx=1 indirect=0 mergeable=1 buffer_bytes=1024 segments=5",
        "MMIO, tso=1 event_idx=1 indirect=1 mergeable=0 queue_size=64",
        "MMIO, packed=1 bytes=1500 event_idx=1 indirect=0 mergeable=1 queue_size=33",
    })
    void packetsArriveWholeAndInTheirOrder(VirtioTransport transport, String form) throws Exception {
        NetworkLink lan = new NetworkLink.Switched(new VirtualSwitch());
        NetConfig port = NetConfig.of(lan).withPacked(true);

        try (Vm vm = DriverGuest.running(transport, "net op=loop ops=" + PACKETS_EACH_WAY + " " + form)
                .device(port)
                .device(port)
                .start()) {
            String console = DriverGuest.awaitSuccess(vm);

            assertEquals(2 * PACKETS_EACH_WAY, DriverGuest.field(console, "result", "ops"), console);
            assertEquals(0, DriverGuest.field(console, "result", "mismatches"), console);
        }
    }
}
