// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.DeviceStatistics;
import dev.isthmus.machine.DiskFault;
import dev.isthmus.machine.Machine;
import dev.isthmus.machine.MachineBalloon;
import dev.isthmus.machine.MachineConsole;
import dev.isthmus.machine.MachineDisk;
import dev.isthmus.machine.MachineExit;
import dev.isthmus.machine.MachineNetwork;
import dev.isthmus.machine.MachineState;
import dev.isthmus.machine.VmException;

/**
 * A running virtual machine.
 *
 * <pre>{@code
 * try (Vm vm = Vm.builder().kernel(kernel).commandLine("console=ttyS0").memory("64M").start()) {
 *     vm.serial().awaitText("# ", Duration.ofMinutes(1));
 *     vm.serial().write("poweroff\n");
 *     return vm.awaitExit(Duration.ofMinutes(1));
 * }
 * }</pre>
 *
 * <p>All methods may be called from any thread. {@link #close()} ends the VM and gives everything back; other methods
 * do nothing on a VM that has ended, but {@link #awaitExit(Duration)}, which says how. Several VMs run side by side in
 * one JVM, each with threads of its own that carry its name.
 */
public final class Vm implements AutoCloseable {
    /** As good as for ever, and safe to add to any clock. */
    private static final Duration FOREVER = Duration.ofDays(3650);

    private final Machine machine;
    private final @Nullable CapturedSerial serial;
    private final String serialPeer;

    private Vm(Machine machine, @Nullable CapturedSerial serial, String serialPeer) {
        this.machine = machine;
        this.serial = serial;
        this.serialPeer = serialPeer;
    }

    /** Begins the description of a VM. */
    public static VmBuilder builder() {
        return new VmBuilder();
    }

    /** Starts a machine; closes it where that fails. */
    static Vm start(Machine machine, @Nullable CapturedSerial serial, String serialPeer) {
        Vm vm = new Vm(machine, serial, serialPeer);
        try {
            if (serial != null) {
                machine.whenEnded(serial::end);
            }
            machine.start();
            return vm;
        } catch (Throwable failure) {
            vm.close();
            throw failure;
        }
    }

    /**
     * Returns the other end of the guest's serial line.
     *
     * @throws IllegalStateException if {@link VmBuilder#serial} connected the line to something else
     */
    public VmSerial serial() {
        CapturedSerial captured = serial;
        if (captured == null) {
            throw new IllegalStateException("the serial line is not captured: it was connected by VmBuilder.serial");
        }
        return captured;
    }

    /**
     * Returns what a user connects to for the serial line: the path of the pseudo-terminal or the socket. Empty where
     * there is nothing to connect to.
     */
    public String serialPeer() {
        return serialPeer;
    }

    /**
     * Returns the flags given to {@link VmBuilder#cpu} that this host's KVM does not heed, with their signs, such as
     * {@code -popcnt}; none as a rule. The guest's kernel sees the processor's own features there.
     */
    public List<String> cpuFlagsWithoutEffect() {
        return machine.cpuFlagsWithoutEffect();
    }

    /** Returns the disks, in the order in which the guest finds them: to resize them, to limit their rates. */
    public List<MachineDisk> disks() {
        return machine.disks();
    }

    /**
     * Returns the disk of an id ({@link dev.isthmus.machine.DiskConfig#withId}).
     *
     * @throws IllegalArgumentException if there is none
     */
    public MachineDisk disk(String id) {
        return machine.disk(id);
    }

    /** Returns the network interfaces, in the order in which the guest finds them: to plug them in and out, to limit them. */
    public List<MachineNetwork> networks() {
        return machine.networks();
    }

    /**
     * Returns the network interface of an id ({@link dev.isthmus.machine.NetConfig#withId}).
     *
     * @throws IllegalArgumentException if there is none
     */
    public MachineNetwork network(String id) {
        return machine.network(id);
    }

    /**
     * Returns the balloon, to get memory back from the guest.
     *
     * @throws IllegalStateException if there is none ({@link dev.isthmus.machine.BalloonConfig})
     */
    public MachineBalloon balloon() {
        return machine.balloon();
    }

    /** Returns the consoles and ports ({@link dev.isthmus.machine.ConsoleConfig}), or null where there are none. */
    public @Nullable MachineConsole console() {
        return machine.console();
    }

    /** Returns what each virtio device has done so far, in the order in which the guest finds them. */
    public List<DeviceStatistics> statistics() {
        return machine.statistics();
    }

    /**
     * Returns what a disk has paused the VM for, whose requests are kept where the host fails them
     * ({@link dev.isthmus.machine.DiskErrorPolicy#STOP}); null where none has. With the cause put right, {@link #resume}
     * repeats what failed, which may pause the VM again.
     */
    public @Nullable DiskFault diskFault() {
        return machine.diskFault();
    }

    /**
     * Has an action run whenever a disk has paused the VM, at once where one has. It replaces an earlier one.
     *
     * @param action runs on a thread of the VM's, or the caller's; must not wait for anything
     */
    public void whenDiskFaults(Consumer<DiskFault> action) {
        machine.whenDiskFaults(action);
    }

    /** Stops all vCPUs where they are; returns when none runs any more. */
    public void pause() {
        machine.pause();
    }

    /** Lets the vCPUs run on after {@link #pause()}, or after a disk has paused the VM ({@link #diskFault}). */
    public void resume() {
        machine.resume();
    }

    /** Resets the machine, as its reset button would: memory, devices and vCPUs start anew with the same kernel. */
    public void reset() {
        machine.reset();
    }

    /** Presses the ACPI power button; a guest that listens powers off in its own time. */
    public void powerButton() {
        machine.powerButton();
    }

    /**
     * Ends the VM at once, as pulling the plug would; {@link #awaitExit(Duration)} then returns {@link VmResult.Stopped}.
     * No vCPU runs any more on return.
     */
    public void stop() {
        machine.stop();
    }

    /** Does as {@link #stop()}, but waits for nothing: the one method that a serial backend of the caller's may call. */
    public void requestStop() {
        machine.requestStop();
    }

    /** Tells whether the VM runs, is paused, or has ended. */
    public MachineState state() {
        return machine.state();
    }

    /**
     * Waits until the VM ends.
     *
     * @param timeout how long to wait at most
     * @return how it ended, the same at each call; {@link VmResult.TimedOut} if it has not, which does not end it
     * @throws VmException if it ended because the host failed, for example a disk
     * @throws IllegalStateException if it ended because of a fault in this library
     * @throws InterruptedException if the thread was interrupted
     */
    public VmResult awaitExit(Duration timeout) throws InterruptedException {
        MachineExit exit = machine.awaitExit(timeout);
        return exit == null ? new VmResult.TimedOut() : result(exit);
    }

    /** Waits until the VM ends, however long that takes; otherwise like {@link #awaitExit(Duration)}. */
    public VmResult awaitExit() throws InterruptedException {
        return awaitExit(FOREVER);
    }

    /** Ends the VM if it runs, and gives back its threads, file descriptors and memory. Does nothing the second time. */
    @Override
    public void close() {
        try {
            machine.close();
        } finally {
            if (serial != null) {
                serial.close();
            }
        }
    }

    /** A pattern switch would cost start-up time of a VM that ends soon: it is linked at its first use. */
    private static VmResult result(MachineExit exit) {
        if (exit instanceof MachineExit.DebugExit debugExit) {
            return new VmResult.DebugExit(debugExit.value());
        }
        if (exit instanceof MachineExit.PoweredOff) {
            return new VmResult.PoweredOff();
        }
        if (exit instanceof MachineExit.Reset) {
            return new VmResult.Reset();
        }
        if (exit instanceof MachineExit.Panicked panicked) {
            return new VmResult.Panicked(panicked.dump());
        }
        if (exit instanceof MachineExit.TripleFault tripleFault) {
            return new VmResult.TripleFault(tripleFault.dump());
        }
        if (exit instanceof MachineExit.AcceleratorFailure failure) {
            return new VmResult.KvmFailure(failure.dump());
        }
        if (exit instanceof MachineExit.HostFailure failure) {
            throw failure.fault();
        }
        if (exit instanceof MachineExit.InternalError error) {
            throw new IllegalStateException("the VM ended because of a fault of Isthmus: " + error.cause(), error.cause());
        }
        return new VmResult.Stopped();
    }
}
