// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.pmem;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.FaultLog;

/**
 * One flush after the other of a device. The loop thread owns it but from submit until {@link #ended} is scheduled, which
 * publishes the result.
 */
final class FlushTask extends PmemTask {
    private final PmemBackend backend;
    private final FaultLog faults;
    private final BottomHalf ended;
    private boolean durable;

    /**
     * Makes the task.
     *
     * @param ended scheduled when it is done
     */
    FlushTask(PmemBackend backend, FaultLog faults, BottomHalf ended) {
        this.backend = backend;
        this.faults = faults;
        this.ended = ended;
    }

    @Override
    public void run() {
        boolean done = false;
        try {
            done = backend.flush();
        } catch (RuntimeException e) {
            faults.report("flush failed: " + e);
        } finally {
            durable = done;
            ended.schedule();
        }
    }

    @Override
    public void refuse() {
        durable = false;
        ended.schedule();
    }

    /** Tells whether the last one was done. */
    boolean durable() {
        return durable;
    }
}
