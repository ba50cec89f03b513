// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.time.Duration;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.Machine;
import dev.isthmus.machine.serial.EscapeFilter;
import dev.isthmus.machine.serial.HostTerminal;
import dev.isthmus.machine.serial.SerialConfig;
import dev.isthmus.vmm.DemoGuest;
import dev.isthmus.vmm.VmBuilder;

/** {@code isthmus demo}: the bundled guest, with a shell in this terminal or one command. */
final class DemoCommand {
    static final String NAME = "demo";

    private static final String SLOW_HOST =
            "no hardware virtualisation on this host (PVM): KVM emulates the guest's kernel, so the boot takes about 15 s;"
                    + " hiding from it (clearcpuid=...) what the emulator lacks";
    private static final String PIPE = "pipe";
    private static final int STDIN = 0;
    private static final int STDOUT = 1;

    private DemoCommand() {}

    static int run(Arguments arguments) throws InterruptedException {
        HostSignals signals = new HostSignals();
        VmBuilder builder = configure(arguments, DemoGuest.locate(), signals);
        Duration timeout = RunCommand.timeout(arguments);
        if (arguments.has(CommandOptions.DRY_RUN)) {
            return DryRun.print(builder.config(), timeout);
        }
        String note = Machine.hostInterpretsKernelCode() ? SLOW_HOST : null;
        return GuestRun.run(builder, signals, timeout, note, !arguments.operands().isEmpty());
    }

    static VmBuilder configure(Arguments arguments, DemoGuest guest, EscapeFilter.Actions keys) {
        List<String> words = arguments.operands();
        VmBuilder builder = words.isEmpty() ? guest.shell() : guest.command(words.toArray(new String[0]));
        String terminal = terminal();
        boolean piped = PIPE.equals(terminal);
        builder.name(PicocliCommands.PROGRAM).serial(new SerialConfig.Stdio(keys, piped));
        String commandLine = guest.commandLine(words, terminal);
        if (!piped) {
            commandLine = withTerminalType(commandLine);
        }
        builder.commandLine(commandLine);
        RunCommand.configureSize(builder, arguments, ConsoleOption.parse(arguments, keys));
        return builder;
    }

    /** What the guest's console is connected to: our terminal with its size, or a pipe. */
    private static @Nullable String terminal() {
        if (!HostTerminal.isTerminal(STDIN) || !HostTerminal.isTerminal(STDOUT)) {
            return PIPE;
        }
        HostTerminal.Size size = HostTerminal.size();
        return size == null ? null : size.rows() + "x" + size.columns();
    }

    /** Hands our TERM on, in front of what may be a command; Linux makes an environment variable of it. */
    private static String withTerminalType(String commandLine) {
        String type = System.getenv("TERM");
        return type == null || !type.matches("[A-Za-z0-9._+-]{1,40}") ? commandLine : "TERM=" + type + " " + commandLine;
    }
}
