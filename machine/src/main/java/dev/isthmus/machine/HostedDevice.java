// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.util.concurrent.RejectedExecutionException;

import dev.isthmus.device.EventLoop;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.VirtioDevice;

/** A device of a machine beside its disks: what the guest drives, and what serves it on the host. */
interface HostedDevice extends AutoCloseable {
    /** Returns what it was made from. */
    DeviceConfig config();

    /** Returns what messages call it, such as "network 0". */
    String name();

    /** Returns what the guest drives; the same for ever. */
    VirtioDevice device();

    /** Returns what the device and what serves it have counted. Any thread. */
    default Statistics statistics() {
        return device().statistics();
    }

    /**
     * Changes a device on its loop, and waits for that. Any thread but the loop's.
     *
     * @throws IllegalStateException if the loop has ended with its machine
     */
    static void change(EventLoop loop, Runnable change) {
        try {
            loop.call(change);
        } catch (RejectedExecutionException e) {
            throw new IllegalStateException("The machine is closed", e);
        }
    }

    /** Gives back what it holds of the host. The guest's device has been reset and is gone, the loop still runs. */
    @Override
    void close();
}
