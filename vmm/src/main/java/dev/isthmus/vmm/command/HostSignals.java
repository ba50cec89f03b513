// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.function.Consumer;

import org.jspecify.annotations.Nullable;
import sun.misc.Signal;
import sun.misc.SignalHandler;

import dev.isthmus.machine.DiskFault;
import dev.isthmus.machine.MachineConsole;
import dev.isthmus.machine.serial.EscapeFilter;
import dev.isthmus.machine.serial.HostTerminal;
import dev.isthmus.machine.serial.RawTerminal;
import dev.isthmus.vmm.Vm;

/**
 * What ends a guest from outside: SIGINT, SIGTERM and SIGHUP (the first presses the power button, the second stops the
 * VM, a third does not wait for anything), and the keys Ctrl-a x. What has it go on after a disk has paused it: SIGUSR1. And
 * SIGWINCH, which tells that the terminal has another size.
 *
 * <p>The JVM calls {@link #handle} on a thread of its own. What comes before {@link #attach} counts: the VM is stopped as
 * soon as it is there. Any thread.
 */
final class HostSignals implements SignalHandler, EscapeFilter.Actions, Consumer<DiskFault> {
    private static final String[] NAMES = {"INT", "TERM", "HUP"};
    private static final String RESUME_NAME = "USR1";
    private static final String RESIZE_NAME = "WINCH";
    private static final int SIGINT = 2;

    /** The signal that is one too many. */
    private static final int IMPATIENT = 3;

    // Guarded by this.
    private @Nullable Vm vm;
    private int count;
    private int firstNumber;

    /** The console that is in the terminal, or -1. */
    private int terminalConsole = -1;

    /** Takes over the signals. */
    void install() {
        for (String name : NAMES) {
            take(name);
        }
        take(RESUME_NAME);
    }

    private void take(String name) {
        try {
            Signal.handle(new Signal(name), this);
        } catch (IllegalArgumentException e) {
            // The JVM was started with -Xrs: the default action ends it.
        }
    }

    /** Says which VM the signals are for. */
    void attach(Vm started) {
        boolean stop;
        synchronized (this) {
            vm = started;
            stop = count > 0;
        }
        if (stop) {
            started.stop();
        }
    }

    /** Says which of the VM's consoles is in the terminal and gets its size, now and whenever it changes. */
    void attachTerminal(int console) {
        synchronized (this) {
            terminalConsole = console;
        }
        take(RESIZE_NAME);
        resize();
    }

    private void resize() {
        Vm target;
        int console;
        synchronized (this) {
            target = vm;
            console = terminalConsole;
        }
        HostTerminal.Size size = HostTerminal.size();
        MachineConsole consoles = target == null ? null : target.console();
        if (consoles != null && console >= 0 && size != null) {
            consoles.resize(console, size.columns(), size.rows());
        }
    }

    /** Returns the number of the first signal that came, or 0. */
    synchronized int firstNumber() {
        return firstNumber;
    }

    @Override
    public void handle(Signal signal) {
        if (signal.getName().equals(RESUME_NAME)) {
            resume();
            return;
        }
        if (signal.getName().equals(RESIZE_NAME)) {
            resize();
            return;
        }
        int number = signal.getNumber();
        int counted = count(number);
        if (counted >= IMPATIENT) {
            // Whatever hangs, the user wants their terminal back.
            RawTerminal.restoreAll();
            Runtime.getRuntime().halt(ExitStatus.SIGNAL_BASE + number);
        }
        Vm target = target();
        if (target == null) {
            return;
        }
        if (counted == 1) {
            target.powerButton();
            Messages.line("asked the guest to power off; once more stops it at once");
        } else {
            target.stop();
        }
    }

    private void resume() {
        Vm target = target();
        if (target != null && target.diskFault() != null) {
            Messages.line("the guest goes on");
            target.resume();
        }
    }

    /** Tells the user what a disk has paused the guest for and what to do about it. */
    @Override
    public void accept(DiskFault fault) {
        Messages.line("the guest is paused: ".concat(fault.disk())
                .concat(fault.noSpace() ? " has no room on the host: " : " failed: ")
                .concat(fault.message())
                .concat("; put that right, then have it go on with 'kill -USR1 ")
                .concat(Long.toString(ProcessHandle.current().pid()))
                .concat("'"));
    }

    /** Ctrl-a x: as QEMU does, at once. Comes on the machine's loop, which must not wait for the machine to stop. */
    @Override
    public void quit() {
        count(SIGINT);
        Vm target = target();
        if (target != null) {
            target.requestStop();
        }
    }

    @Override
    public void help() {
        Messages.line("Ctrl-a x  stop the guest and quit");
        Messages.line("Ctrl-a b  send a break");
        Messages.line("Ctrl-a h  show these keys");
        Messages.line("Ctrl-a Ctrl-a  send Ctrl-a to the guest");
    }

    private synchronized int count(int number) {
        if (count++ == 0) {
            firstNumber = number;
        }
        return count;
    }

    private synchronized @Nullable Vm target() {
        return vm;
    }
}
