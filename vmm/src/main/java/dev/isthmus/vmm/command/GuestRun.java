// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.time.Duration;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.ConsoleConfig;
import dev.isthmus.machine.MachineConsole;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmBuilder;
import dev.isthmus.vmm.VmResult;

/** Runs one VM in the foreground, from its start to an exit status. Main thread. */
final class GuestRun {
    private GuestRun() {}

    /**
     * Starts a VM, waits for its end and lets go of everything, the terminal's settings among it.
     *
     * @param signals what ends it from outside; installed here
     * @param timeout how long the guest may run, or null
     * @param note a line for the user once the guest runs, or null
     * @param reportsCommandStatus whether a value at the debug-exit port is an exit status as it is
     * @return the exit status
     */
    static int run(
            VmBuilder builder,
            HostSignals signals,
            @Nullable Duration timeout,
            @Nullable String note,
            boolean reportsCommandStatus)
            throws InterruptedException {
        StartupTrace.mark("arguments read");
        signals.install();
        VmResult result;
        try (Vm vm = builder.start()) {
            StartupTrace.mark("guest started");
            signals.attach(vm);
            vm.whenDiskFaults(signals);
            tellOfConsoles(vm, signals);
            if (note != null) {
                Messages.line(note);
            }
            List<String> unheeded = vm.cpuFlagsWithoutEffect();
            if (!unheeded.isEmpty()) {
                Messages.line("--cpu: this host's KVM does not heed ".concat(String.join(", ", unheeded))
                        .concat(": the guest sees what the processor has"));
            }
            if (!vm.serialPeer().isEmpty()) {
                Messages.line("the serial line is at ".concat(vm.serialPeer()));
            }
            result = timeout == null ? vm.awaitExit() : vm.awaitExit(timeout);
            StartupTrace.mark("guest ended");
        }
        return report(result, signals.firstNumber(), timeout, reportsCommandStatus);
    }

    /** Says where consoles and channels are, and has the one in the terminal get its size. */
    private static void tellOfConsoles(Vm vm, HostSignals signals) {
        MachineConsole consoles = vm.console();
        if (consoles == null) {
            return;
        }
        for (int i = 0; i < consoles.config().ports().size(); i++) {
            ConsoleConfig.Port port = consoles.config().ports().get(i);
            if (!consoles.peerName(i).isEmpty()) {
                Messages.line((port.console() ? "console " + i : "channel ".concat(port.name())).concat(" is at ")
                        .concat(consoles.peerName(i)));
            }
        }
        int terminal = ConsoleOption.atTerminal(consoles.config());
        if (terminal >= 0) {
            signals.attachTerminal(terminal);
        }
    }

    /** Says what needs saying; the terminal is as it was before. */
    private static int report(
            VmResult result, int signal, @Nullable Duration timeout, boolean reportsCommandStatus) {
        if (signal != 0 && (result instanceof VmResult.PoweredOff || result instanceof VmResult.Stopped)) {
            return ExitStatus.SIGNAL_BASE + signal;
        }
        if (result instanceof VmResult.DebugExit debugExit && reportsCommandStatus) {
            return debugExit.value() & 0xff;
        }
        if (result instanceof VmResult.Panicked panicked) {
            Messages.line(panicked.dump().strip());
        } else if (result instanceof VmResult.TripleFault tripleFault) {
            Messages.line(tripleFault.dump().strip());
        } else if (result instanceof VmResult.KvmFailure failure) {
            Messages.line(failure.dump().strip());
        } else if (result instanceof VmResult.TimedOut && timeout != null) {
            Messages.line("stopped the guest: still running after --timeout ".concat(DurationText.format(timeout)));
        }
        return ExitStatus.of(result);
    }
}
