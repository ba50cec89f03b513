// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.machine.accel.ExitKind;
import dev.isthmus.machine.accel.Vcpu;
import dev.isthmus.machine.accel.VcpuExit;
import dev.isthmus.machine.io.HostFaults;
import dev.isthmus.machine.io.IoThread;
import dev.isthmus.machine.platform.MachineControl;
import dev.isthmus.machine.vcpu.CpuDump;
import dev.isthmus.machine.vcpu.ExitListener;
import dev.isthmus.machine.vcpu.VcpuThread;

/**
 * Where everything that ends or restarts a machine comes together: devices, vCPU threads, the loop, callers. The first
 * reason to end wins.
 *
 * <p>An end has two steps: {@link #end} notes the reason and sends all vCPU threads home; the last of them to leave
 * lets serial output out and publishes the exit, so that whoever waits for it finds no vCPU running and nothing printed
 * afterwards.
 *
 * <p>Any thread; nothing here waits but the last vCPU thread, for serial output to leave.
 */
final class RunControl implements MachineControl, ExitListener, DiskFaultListener, IoThread.FailureHandler {
    private static final int SERIAL_LINES_IN_DUMP = 24;

    private final boolean rebootAllowed;
    private final AtomicReference<@Nullable MachineExit> exit = new AtomicReference<>();
    private final CountDownLatch published = new CountDownLatch(1);
    private final AtomicInteger runningVcpus = new AtomicInteger();

    /** What is to be done at the end; empty after it. Guarded by itself. */
    private final List<Runnable> endActions = new ArrayList<>();

    /** Set once the machine is complete, before any vCPU thread starts. */
    private volatile @Nullable MachineParts parts;

    /** Set with the parts. */
    private volatile @Nullable Runnable resetRequested;

    /** Set with the parts. */
    private volatile @Nullable DiskFaultListener diskFaults;

    RunControl(boolean rebootAllowed) {
        this.rebootAllowed = rebootAllowed;
    }

    /**
     * Makes the machine's parts known.
     *
     * @param resetRequested called for each reset that the guest asks for; returns at once
     * @param diskFaults called where a disk has kept a request that failed; returns at once
     */
    void bind(MachineParts machineParts, Runnable resetRequested, DiskFaultListener diskFaults) {
        this.resetRequested = resetRequested;
        this.diskFaults = diskFaults;
        this.parts = machineParts;
    }

    /** As many vCPU threads are about to start; they count down in {@link #ended}. */
    void vcpusStarting(int count) {
        runningVcpus.set(count);
    }

    /** Notes a reason to end, unless there is one already, and stops the vCPUs. */
    void end(MachineExit reason) {
        if (!exit.compareAndSet(null, reason)) {
            return;
        }
        MachineParts machineParts = parts;
        if (machineParts != null) {
            machineParts.setGoal(VcpuThread.Goal.STOP);
        }
    }

    /** Ends the machine because of what was thrown, by the host's fault or ours. */
    void failed(Throwable thrown) {
        end(exitOf(thrown));
    }

    /** Publishes the exit of a machine whose vCPU threads never started. */
    void publishUnstarted() {
        publish();
    }

    private void publish() {
        Runnable[] actions;
        synchronized (endActions) {
            published.countDown();
            actions = endActions.toArray(new Runnable[0]);
            endActions.clear();
        }
        for (Runnable action : actions) {
            action.run();
        }
    }

    /** Has an action run once the exit is published, at once where it is. */
    void whenEnded(Runnable action) {
        synchronized (endActions) {
            if (published.getCount() > 0) {
                endActions.add(action);
                return;
            }
        }
        action.run();
    }

    /** Tells whether the machine is ending or has ended. */
    boolean ending() {
        return exit.get() != null;
    }

    /** Returns the exit once it is published, else null. */
    @Nullable MachineExit published() {
        return published.getCount() == 0 ? exit.get() : null;
    }

    CountDownLatch publication() {
        return published;
    }

    // MachineControl: what devices ask for.

    @Override
    public void powerOff() {
        end(new MachineExit.PoweredOff());
    }

    @Override
    public void reset() {
        if (!rebootAllowed) {
            end(new MachineExit.Reset());
            return;
        }
        MachineParts machineParts = parts;
        Runnable request = resetRequested;
        if (machineParts != null && request != null && !ending()) {
            request.run();
        }
    }

    @Override
    public void panicked(boolean crashLoaded) {
        if (crashLoaded) {
            LoggerFactory.getLogger(RunControl.class).warn("The guest's kernel panicked; its crash kernel takes over.");
            return;
        }
        if (!ending()) {
            end(new MachineExit.Panicked(dumpOfCurrentVcpu("The guest's kernel panicked.")));
        }
    }

    @Override
    public void debugExit(int value) {
        end(new MachineExit.DebugExit(value));
    }

    // ExitListener: what vCPU threads come home with.

    @Override
    public void systemEvent(Vcpu vcpu, VcpuExit vcpuExit) {
        if (vcpuExit.kind() == ExitKind.POWER_OFF) {
            powerOff();
        } else if (vcpuExit.kind() == ExitKind.RESET) {
            reset();
        } else {
            panicked(false);
        }
    }

    @Override
    public void tripleFault(Vcpu vcpu, VcpuExit vcpuExit) {
        if (!ending()) {
            end(new MachineExit.TripleFault(dump("Triple fault: the guest could not handle an exception.", vcpu)));
        }
    }

    @Override
    public void cannotContinue(Vcpu vcpu, VcpuExit vcpuExit) {
        if (!ending()) {
            end(new MachineExit.AcceleratorFailure(dump("The guest can't be continued.", vcpu)));
        }
    }

    @Override
    public void hostFailed(VmException fault) {
        end(new MachineExit.HostFailure(fault));
    }

    @Override
    public void bug(Throwable thrown) {
        failed(thrown);
    }

    @Override
    public void ended(Vcpu vcpu) {
        if (runningVcpus.decrementAndGet() > 0) {
            return;
        }
        MachineParts machineParts = parts;
        try {
            if (machineParts != null) {
                machineParts.devices().drainSerial();
            }
        } finally {
            publish();
        }
    }

    // DiskFaultListener

    @Override
    public void diskFailed(Disk disk) {
        DiskFaultListener listener = diskFaults;
        if (listener != null && !ending()) {
            listener.diskFailed(disk);
        }
    }

    // IoThread.FailureHandler

    @Override
    public void callbackFailed(Throwable thrown) {
        failed(thrown);
    }

    /** A system call that failed and the end of the Java heap are the host's; everything else is our bug. */
    private static MachineExit exitOf(Throwable thrown) {
        if (thrown instanceof VmException fault) {
            return new MachineExit.HostFailure(fault);
        }
        if (thrown instanceof ErrnoException e) {
            return new MachineExit.HostFailure(HostFaults.of("The host failed while the guest was running", e));
        }
        if (thrown instanceof OutOfMemoryError e) {
            return new MachineExit.HostFailure(VmException.HostFault.of(e));
        }
        return new MachineExit.InternalError(thrown);
    }

    private String dumpOfCurrentVcpu(String headline) {
        MachineParts machineParts = parts;
        if (machineParts != null) {
            for (VcpuThread thread : machineParts.vcpuThreads()) {
                if (thread.isCurrent()) {
                    return dump(headline, thread.vcpu());
                }
            }
        }
        return headline + '\n';
    }

    private String dump(String headline, Vcpu vcpu) {
        MachineParts machineParts = parts;
        if (machineParts == null) {
            return headline + '\n';
        }
        StringBuilder text = new StringBuilder();
        text.append(CpuDump.of(headline, vcpu, vcpu.lastExit(), machineParts.memory()));
        String serial = machineParts.devices().lastSerialOutput().stripTrailing();
        if (!serial.isEmpty()) {
            text.append("Last lines of the serial port:\n");
            String[] lines = serial.split("\\R", -1);
            for (int i = Math.max(0, lines.length - SERIAL_LINES_IN_DUMP); i < lines.length; i++) {
                text.append("  ").append(lines[i]).append('\n');
            }
        }
        return text.toString();
    }
}
