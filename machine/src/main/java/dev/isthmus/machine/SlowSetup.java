// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.accel.Accelerator;
import dev.isthmus.machine.io.Uninterruptibly;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;

/**
 * Gives the accelerator the guest's RAM and the timer on a thread of its own, while the machine is being built on
 * another: on some hosts that takes several milliseconds of waiting in the kernel.
 */
final class SlowSetup implements Runnable {
    private final Accelerator accelerator;
    private final GuestMemory memory;
    private final Thread thread;

    /** Written before the thread ends, read after it has. */
    private @Nullable RuntimeException failure;

    private SlowSetup(String name, Accelerator accelerator, GuestMemory memory) {
        this.accelerator = accelerator;
        this.memory = memory;
        this.thread = Thread.ofPlatform().name(name).daemon(true).unstarted(this);
    }

    /**
     * Starts it.
     *
     * @throws VmException.HostFault if the host allows no more threads
     */
    static SlowSetup start(String name, Accelerator accelerator, GuestMemory memory) {
        SlowSetup setup = new SlowSetup(name, accelerator, memory);
        HostThreads.start(setup.thread);
        return setup;
    }

    @Override
    public void run() {
        try {
            for (MemoryRegion region : memory.regions()) {
                accelerator.addRam(region);
            }
            accelerator.addTimer();
        } catch (RuntimeException e) {
            failure = e;
        }
    }

    /** Waits until it is done or has failed. */
    void await() {
        Uninterruptibly.join(thread);
    }

    /** Waits until it is done, and throws what it failed with. */
    void finish() {
        await();
        if (failure != null) {
            throw failure;
        }
    }
}
