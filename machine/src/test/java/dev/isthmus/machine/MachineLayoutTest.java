// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.util.HashSet;
import java.util.Set;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class MachineLayoutTest {
    @Test
    void virtioMmioTransportsHaveAddressesAndInterruptsOfTheirOwn() {
        Set<Long> addresses = new HashSet<>();
        Set<Integer> irqs = new HashSet<>();
        for (int i = 0; i < MachineLayout.VIRTIO_MMIO_MAX; i++) {
            addresses.add(MachineLayout.virtioMmioGpa(i));
            irqs.add(MachineLayout.virtioMmioIrq(i));
            assertTrue(MachineLayout.virtioMmioIrq(i) < MachineLayout.IOAPIC_PINS);
        }

        assertEquals(MachineLayout.VIRTIO_MMIO_MAX, addresses.size());
        assertEquals(MachineLayout.VIRTIO_MMIO_MAX, irqs.size());
    }
}
