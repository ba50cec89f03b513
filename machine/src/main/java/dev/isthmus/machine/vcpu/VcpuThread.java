// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.vcpu;

import dev.isthmus.machine.HostThreads;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.accel.ExitKind;
import dev.isthmus.machine.accel.Vcpu;
import dev.isthmus.machine.accel.VcpuExit;
import dev.isthmus.machine.io.Uninterruptibly;

/**
 * The thread of one vCPU and its run loop.
 *
 * <p>Other threads set a {@link Goal} and the thread moves toward it:
 *
 * <pre>
 *            ┌───────────────────────── RUN ◀──────────────────────────┐
 *            ▼                                                         │
 *        RUNNING ──PARK──▶ FINISHING (the instruction under way) ──▶ PARKED
 *            │                   │                                     │
 *            └───────────────────┴──────STOP, a fatal exit, a bug──────┴──▶ ENDED
 * </pre>
 *
 * <p>Setting a goal is a volatile write followed by a kick; the loop reads the goal after each exit and before it enters
 * the guest, and a kick is never lost, so no goal is ever overlooked.
 *
 * <p>Role VCPU. While it is parked the vCPU's registers may be read and replaced by whoever parked it.
 */
public final class VcpuThread {
    /** Where another thread wants this one. */
    public enum Goal {
        /** Run the guest. */
        RUN,
        /** Wait with the guest's state complete. */
        PARK,
        /** End, whatever the guest was doing. */
        STOP
    }

    /** Where the thread is. */
    enum Phase {
        /** In the guest or handling an exit. */
        RUNNING,
        /** Finishing an instruction, so as to park. */
        FINISHING,
        /** Waiting for another goal. */
        PARKED,
        /** Done for good. */
        ENDED
    }

    private final Vcpu vcpu;
    private final ExitDispatcher dispatcher;
    private final ExitListener listener;
    private final Thread thread;
    private final Object monitor = new Object();

    /** Written under the monitor, read anywhere. */
    private volatile Goal goal = Goal.PARK;

    /** Written by this thread under the monitor; guarded by the monitor. */
    private Phase phase = Phase.PARKED;

    /** This thread only. */
    private boolean hasRun;

    /** Makes the thread, not started. Its name is for debuggers and {@code top}. */
    public VcpuThread(String name, Vcpu vcpu, ExitDispatcher dispatcher, ExitListener listener) {
        this.vcpu = vcpu;
        this.dispatcher = dispatcher;
        this.listener = listener;
        this.thread = Thread.ofPlatform().name(name).daemon(true).unstarted(new Loop());
    }

    /** Returns the vCPU. */
    public Vcpu vcpu() {
        return vcpu;
    }

    /** Tells whether the caller runs on this thread. */
    public boolean isCurrent() {
        return Thread.currentThread() == thread;
    }

    /**
     * Starts the thread, once; it parks until it gets another goal.
     *
     * @throws VmException.HostFault if the host allows no more threads
     */
    public void start() {
        HostThreads.start(thread);
    }

    /** Says where the thread is to go and returns at once. After STOP, there is no other goal. Any thread. */
    public void setGoal(Goal wanted) {
        synchronized (monitor) {
            if (goal == Goal.STOP) {
                return;
            }
            goal = wanted;
            monitor.notifyAll();
        }
        // From the thread itself, the loop reads the goal anyway before it enters the guest again.
        if (wanted != Goal.RUN && Thread.currentThread() != thread) {
            vcpu.kick();
        }
    }

    /** Waits until the thread is parked or ended. Not on the thread itself. */
    public void awaitParked() {
        boolean interrupted = false;
        synchronized (monitor) {
            while (phase != Phase.PARKED && phase != Phase.ENDED) {
                try {
                    monitor.wait();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Waits until a started thread is gone. Not on the thread itself. */
    public void join() {
        Uninterruptibly.join(thread);
    }

    private void enter(Phase next) {
        synchronized (monitor) {
            phase = next;
            monitor.notifyAll();
        }
    }

    private final class Loop implements Runnable {
        @Override
        public void run() {
            boolean attached = false;
            try {
                vcpu.attachThread();
                attached = true;
                Phase next = Phase.PARKED;
                while (next != Phase.ENDED) {
                    next = switch (next) {
                        case RUNNING -> runGuest();
                        case FINISHING -> finishInstruction();
                        case PARKED -> park();
                        case ENDED -> Phase.ENDED;
                    };
                }
            } catch (VmException fault) {
                listener.hostFailed(fault);
            } catch (Throwable thrown) {
                listener.bug(thrown);
            } finally {
                if (attached) {
                    vcpu.detachThread();
                }
                enter(Phase.ENDED);
                listener.ended(vcpu);
            }
        }
    }

    private Phase runGuest() {
        while (goal == Goal.RUN) {
            if (!handle(vcpu.run())) {
                return Phase.ENDED;
            }
        }
        return goal == Goal.STOP ? Phase.ENDED : Phase.FINISHING;
    }

    private Phase finishInstruction() {
        while (goal != Goal.STOP) {
            VcpuExit exit = vcpu.finishInstruction();
            if (exit.kind() == ExitKind.INTERRUPTED) {
                return Phase.PARKED;
            }
            if (!handle(exit)) {
                return Phase.ENDED;
            }
        }
        return Phase.ENDED;
    }

    private Phase park() {
        synchronized (monitor) {
            phase = Phase.PARKED;
            monitor.notifyAll();
            while (goal == Goal.PARK) {
                try {
                    monitor.wait();
                } catch (InterruptedException _) {
                    // Nobody has reason to interrupt this thread; goals are what it goes by.
                }
            }
            phase = Phase.RUNNING;
        }
        if (goal == Goal.STOP) {
            return Phase.ENDED;
        }
        if (hasRun) {
            vcpu.notePause();
        }
        hasRun = true;
        return Phase.RUNNING;
    }

    /** Handles an exit; answers whether the vCPU may run on. */
    private boolean handle(VcpuExit exit) {
        switch (exit.kind()) {
            case PORT_WRITE -> dispatcher.portWrite(exit);
            case PORT_READ -> dispatcher.portRead(exit);
            case MMIO_WRITE -> dispatcher.mmioWrite(exit);
            case MMIO_READ -> dispatcher.mmioRead(exit);
            case INTERRUPTED -> {
                // The loop looks at the goal.
            }
            case POWER_OFF, RESET, CRASH -> listener.systemEvent(vcpu, exit);
            case SHUTDOWN -> {
                listener.tripleFault(vcpu, exit);
                return false;
            }
            case HALT, DEBUG, FAIL_ENTRY, INTERNAL_ERROR, UNKNOWN -> {
                listener.cannotContinue(vcpu, exit);
                return false;
            }
        }
        return true;
    }
}
