// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.accel.kvm.KvmAccelerator;
import dev.isthmus.machine.io.Uninterruptibly;
import dev.isthmus.machine.vcpu.VcpuThread;
import dev.isthmus.memory.GuestMemory;

/**
 * A virtual machine, from its configuration to its end ({@link MachineState}).
 *
 * <p>Any thread may call any method; those that change the state take turns. Only {@link #requestStop} may be called by
 * the machine's own threads (a serial backend's calls come on one): the others wait for them. Several machines live side by side in one process, and one that is
 * closed leaves nothing behind: no thread, no descriptor, no mapping.
 */
public final class Machine implements AutoCloseable {
    private final MachineConfig config;
    private final RunControl control;
    private final MachineParts parts;

    /** Held while the state changes; never taken by the machine's own threads but those of {@link #resetThread}. */
    private final Object lifecycle = new Object();

    /** CREATED, RUNNING or PAUSED; what comes later is in the control. Written under the lifecycle lock. */
    private volatile MachineState phase = MachineState.CREATED;

    private volatile boolean closed;

    /** Of {@link #resetRequests}, those that the latest reset answered. Guarded by the lifecycle lock. */
    private int answeredRequests;

    /** Resets that the guest asked for and that have not been carried out. */
    private final AtomicInteger resetRequests = new AtomicInteger();

    /** The latest thread that carries out such resets. */
    private final AtomicReference<@Nullable Thread> resetThread = new AtomicReference<>();

    /** What a disk has paused the machine for, or null. Written under the lifecycle lock. */
    private volatile @Nullable DiskFault diskFault;

    /** Is told of {@link #diskFault}. Guarded by the lifecycle lock. */
    private @Nullable Consumer<DiskFault> diskFaultAction;

    /** The latest thread that pauses the machine for a disk. */
    private final AtomicReference<@Nullable Thread> pauseThread = new AtomicReference<>();

    private Machine(MachineConfig config, RunControl control, MachineParts parts) {
        this.config = config;
        this.control = control;
        this.parts = parts;
    }

    /**
     * Builds a machine: takes what it needs of the host and loads the kernel. Nothing runs yet.
     *
     * @throws VmException if that is not to be had, with cause and remedy; nothing stays behind then
     */
    public static Machine create(MachineConfig config) {
        RunControl control = new RunControl(config.rebootAllowed());
        Machine machine = new Machine(config, control, MachineParts.build(config, control));
        control.bind(machine.parts, machine.new ResetRequest(), machine.new DiskPause());
        return machine;
    }

    /**
     * Tells whether this host's KVM interprets the guest's kernel instead of running it on the processor, which makes it
     * slow and takes a kernel that knows.
     */
    public static boolean hostInterpretsKernelCode() {
        return KvmAccelerator.hostInterpretsKernelCode();
    }

    /** Returns what the machine was made from. */
    public MachineConfig config() {
        return config;
    }

    /** Returns where the machine is in its life. */
    public MachineState state() {
        if (closed) {
            return MachineState.CLOSED;
        }
        return control.published() != null ? MachineState.ENDED : phase;
    }

    /** Tells whether the host interprets the guest's kernel; see {@link #hostInterpretsKernelCode}. */
    public boolean pvmHost() {
        return parts.accelerator().interpretsKernelCode();
    }

    /**
     * Returns the flags of {@link MachineConfig#cpu} that the host's KVM does not heed, with their signs; none as a rule. See
     * {@link dev.isthmus.machine.cpu.CpuModel#flagsWithoutEffect}.
     */
    public List<String> cpuFlagsWithoutEffect() {
        return parts.cpuFlagsWithoutEffect();
    }

    /**
     * Runs the guest.
     *
     * @throws IllegalStateException if it was started before
     */
    public void start() {
        synchronized (lifecycle) {
            if (state() != MachineState.CREATED) {
                throw new IllegalStateException("The machine can't be started, it is " + state());
            }
            control.vcpusStarting(parts.vcpuThreads().size());
            parts.startThreads(control);
            phase = MachineState.RUNNING;
            // A failure while the machine was built has nobody else to act on it.
            parts.setGoal(control.ending() ? VcpuThread.Goal.STOP : VcpuThread.Goal.RUN);
        }
    }

    /**
     * Has the guest stand still; on return no vCPU runs. Devices live on: output already sent goes out. Does nothing where
     * the machine is paused or has ended.
     *
     * @throws IllegalStateException if it was not started
     */
    public void pause() {
        synchronized (lifecycle) {
            requireStarted();
            if (state() == MachineState.RUNNING) {
                phase = MachineState.PAUSED;
                parts.park();
            }
        }
    }

    /**
     * Has a paused guest go on, disk requests that were kept first ({@link #diskFault}). Does nothing where the machine
     * runs or has ended.
     *
     * @throws IllegalStateException if it was not started
     */
    public void resume() {
        synchronized (lifecycle) {
            requireStarted();
            if (state() == MachineState.PAUSED) {
                phase = MachineState.RUNNING;
                diskFault = null;
                parts.devices().retryDisks();
                parts.setGoal(VcpuThread.Goal.RUN);
            }
        }
    }

    /**
     * Returns what a disk with {@link DiskErrorPolicy#STOP} has paused the machine for, or null where none has. With the
     * cause put right, {@link #resume} repeats what failed, which may pause the machine again.
     */
    public @Nullable DiskFault diskFault() {
        return diskFault;
    }

    /**
     * Has an action run whenever a disk has paused the machine, at once where one has. It replaces an earlier one.
     *
     * @param action runs on a thread of the machine's, or the caller's; must not wait for anything
     */
    public void whenDiskFaults(Consumer<DiskFault> action) {
        synchronized (lifecycle) {
            diskFaultAction = action;
            DiskFault fault = diskFault;
            if (fault != null) {
                action.accept(fault);
            }
        }
    }

    /** Returns the disks, in the order in which the guest finds them. */
    public List<MachineDisk> disks() {
        List<MachineDisk> disks = new ArrayList<>();
        for (Disk disk : parts.devices().disks()) {
            disks.add(new MachineDisk(disk));
        }
        return List.copyOf(disks);
    }

    /**
     * Returns the disk of an id.
     *
     * @throws IllegalArgumentException if there is none
     */
    public MachineDisk disk(String id) {
        for (Disk disk : parts.devices().disks()) {
            if (id.equals(disk.config().id())) {
                return new MachineDisk(disk);
            }
        }
        throw new IllegalArgumentException("The machine has no disk '" + id + "'");
    }

    /** Returns the network interfaces, in the order in which the guest finds them. */
    public List<MachineNetwork> networks() {
        List<MachineNetwork> networks = new ArrayList<>();
        for (HostedDevice device : parts.devices().hosted()) {
            if (device instanceof Network network) {
                networks.add(new MachineNetwork(network));
            }
        }
        return List.copyOf(networks);
    }

    /**
     * Returns the network interface of an id.
     *
     * @throws IllegalArgumentException if there is none
     */
    public MachineNetwork network(String id) {
        for (MachineNetwork network : networks()) {
            if (id.equals(network.config().id())) {
                return network;
            }
        }
        throw new IllegalArgumentException("The machine has no network '" + id + "'");
    }

    /**
     * Returns the balloon.
     *
     * @throws IllegalStateException if the machine has none
     */
    public MachineBalloon balloon() {
        for (HostedDevice device : parts.devices().hosted()) {
            if (device instanceof Balloon balloon) {
                return new MachineBalloon(balloon.device());
            }
        }
        throw new IllegalStateException("The machine has no balloon");
    }

    /** Returns the consoles and ports, or null where the machine has none. */
    public @Nullable MachineConsole console() {
        for (HostedDevice device : parts.devices().hosted()) {
            if (device instanceof Console console) {
                return new MachineConsole(console);
            }
        }
        return null;
    }

    /** Returns what each virtio device has done so far, in the order in which the guest finds them. */
    public List<DeviceStatistics> statistics() {
        List<DeviceStatistics> all = new ArrayList<>();
        for (Disk disk : parts.devices().disks()) {
            all.add(DeviceStatistics.of(disk.name(), disk.device().statistics()));
        }
        for (HostedDevice device : parts.devices().hosted()) {
            all.add(DeviceStatistics.of(device.name(), device.statistics()));
        }
        return List.copyOf(all);
    }

    /**
     * Restarts the guest: devices and vCPUs as after power-on, memory cleared and the kernel placed again. A paused
     * machine stays paused. Does nothing where the machine has ended.
     *
     * @throws IllegalStateException if it was not started
     * @throws VmException if a file of the kernel can't be read any more; the machine has then ended
     */
    public void reset() {
        synchronized (lifecycle) {
            requireStarted();
            if (!closed && !control.ending()) {
                resetParked();
            }
        }
    }

    /** Under the lifecycle lock. */
    private void resetParked() {
        parts.park();
        if (control.ending()) {
            return;
        }
        // With all vCPUs parked, this reset is the answer to all requests so far.
        answeredRequests = resetRequests.get();
        try {
            parts.reset();
        } catch (RuntimeException | Error e) {
            control.failed(e);
            throw e;
        }
        if (phase == MachineState.RUNNING) {
            parts.setGoal(VcpuThread.Goal.RUN);
        }
    }

    /** Presses the power button, which asks the guest to power off. Does nothing where the machine has ended. */
    public void powerButton() {
        synchronized (lifecycle) {
            if (!closed) {
                parts.devices().pressPowerButton();
            }
        }
    }

    /**
     * Has the machine end with {@link MachineExit.Stopped}, unless it has ended, and returns at once. Any thread, the
     * machine's own among them.
     */
    public void requestStop() {
        control.end(new MachineExit.Stopped());
    }

    /** Ends the machine at once with {@link MachineExit.Stopped}, unless it has ended. On return no vCPU runs. */
    public void stop() {
        synchronized (lifecycle) {
            control.end(new MachineExit.Stopped());
            if (phase == MachineState.CREATED) {
                control.publishUnstarted();
            }
        }
        Uninterruptibly.await(control.publication());
    }

    /**
     * Waits for the end.
     *
     * @param timeout how long at most; not negative
     * @return how the machine ended, or null where it still lives
     */
    public @Nullable MachineExit awaitExit(Duration timeout) throws InterruptedException {
        long nanos;
        try {
            nanos = timeout.toNanos();
        } catch (ArithmeticException e) {
            nanos = Long.MAX_VALUE;
        }
        boolean ended = control.publication().await(nanos, TimeUnit.NANOSECONDS);
        return ended ? control.published() : null;
    }

    /**
     * Has an action run once the machine has ended, at once where it has. What the guest sent over its serial line has
     * left by then. Any thread.
     *
     * @param action runs once, on a thread of the machine's; must not wait for anything
     */
    public void whenEnded(Runnable action) {
        control.whenEnded(action);
    }

    /** Stops the machine and gives back all that it holds of the host. Idempotent. */
    @Override
    public void close() {
        stop();
        join(resetThread.get());
        join(pauseThread.get());
        synchronized (lifecycle) {
            closed = true;
            parts.close();
        }
    }

    private static void join(@Nullable Thread thread) {
        if (thread != null) {
            Uninterruptibly.join(thread);
        }
    }

    /** Returns the guest's RAM, for tests. */
    GuestMemory memory() {
        return parts.memory();
    }

    private void requireStarted() {
        if (phase == MachineState.CREATED) {
            throw new IllegalStateException("The machine was not started");
        }
    }

    /**
     * Has a reset carried out that the guest asked for: on a thread of its own, since it waits for the vCPU thread that
     * asks. The vCPUs are sent to park at once, so that the one that asked runs no further instruction.
     */
    private final class ResetRequest implements Runnable {
        @Override
        public void run() {
            parts.setGoal(VcpuThread.Goal.PARK);
            if (resetRequests.getAndIncrement() == 0) {
                ResetTask task = new ResetTask(resetThread.get());
                Thread thread = Thread.ofPlatform().name(config.name() + "-reset").daemon(true).unstarted(task);
                resetThread.set(thread);
                HostThreads.start(thread);
            }
        }
    }

    private final class ResetTask implements Runnable {
        private final @Nullable Thread predecessor;

        /** The predecessor has done its last reset and is about to end: waiting for it keeps it from being forgotten. */
        ResetTask(@Nullable Thread predecessor) {
            this.predecessor = predecessor;
        }

        @Override
        public void run() {
            join(predecessor);
            try {
                synchronized (lifecycle) {
                    // A guest that asks again at once does so while this thread is still here.
                    do {
                        if (closed || control.ending()) {
                            return;
                        }
                        resetParked();
                    } while (!resetRequests.compareAndSet(answeredRequests, 0));
                }
            } catch (Throwable thrown) {
                // Nobody else is told. As a rule the machine has ended with it already.
                control.failed(thrown);
            }
        }
    }

    /** Pauses the machine where a disk has kept a request: on a thread of its own, since the loop must not wait. */
    private final class DiskPause implements DiskFaultListener {
        @Override
        public void diskFailed(Disk disk) {
            PauseTask task = new PauseTask(disk, pauseThread.get());
            Thread thread = Thread.ofPlatform().name(config.name() + "-pause").daemon(true).unstarted(task);
            pauseThread.set(thread);
            HostThreads.start(thread);
        }
    }

    private final class PauseTask implements Runnable {
        private final Disk disk;
        private final @Nullable Thread predecessor;

        /** The predecessor is waited for, so that who waits for the latest waits for all. */
        PauseTask(Disk disk, @Nullable Thread predecessor) {
            this.disk = disk;
            this.predecessor = predecessor;
        }

        @Override
        public void run() {
            join(predecessor);
            try {
                synchronized (lifecycle) {
                    // Somebody may have resumed the machine meanwhile, and the disk with it.
                    if (closed || control.ending() || !disk.stopped()) {
                        return;
                    }
                    phase = MachineState.PAUSED;
                    parts.park();
                    DiskFault fault = disk.fault();
                    diskFault = fault;
                    Consumer<DiskFault> action = diskFaultAction;
                    if (action != null) {
                        action.accept(fault);
                    }
                }
            } catch (Throwable thrown) {
                control.failed(thrown);
            }
        }
    }
}
