// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.virtio;

/**
 * A virtio device at its place in the machine: queue notifications go by ioeventfd straight to the loop, interrupts by
 * irqfd straight to the guest, neither through a vCPU thread.
 */
public sealed interface VirtioSlot extends AutoCloseable permits MmioSlot, PciSlot {
    /** Takes the state after power-on; requests in flight have ended on return. Any thread but the loop's. */
    void reset();

    /** Ends notifications and interrupts. The device has been reset, the loop still runs. */
    @Override
    void close();
}
