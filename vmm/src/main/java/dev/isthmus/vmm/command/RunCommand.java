// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.ConsoleConfig;
import dev.isthmus.machine.Machine;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.boot.KernelFormat;
import dev.isthmus.machine.cpu.CpuModel;
import dev.isthmus.machine.serial.EscapeFilter;
import dev.isthmus.machine.serial.SerialConfig;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmBuilder;

/** {@code isthmus run}: a kernel of the user's choice, until it ends. */
final class RunCommand {
    static final String NAME = "run";

    private static final int MAX_PORT = 0xffff;

    private RunCommand() {}

    static int run(Arguments arguments) throws InterruptedException {
        HostSignals signals = new HostSignals();
        VmBuilder builder = configure(arguments, signals);
        Duration timeout = timeout(arguments);
        if (arguments.has(CommandOptions.DRY_RUN)) {
            return DryRun.print(builder.config(), timeout);
        }
        return GuestRun.run(builder, signals, timeout, hostNote(builder), false);
    }

    /** What the user should know about a host without hardware virtualisation; null on all others. */
    private static @Nullable String hostNote(VmBuilder builder) {
        if (!Machine.hostInterpretsKernelCode()) {
            return null;
        }
        String note = "no hardware virtualisation on this host (PVM): KVM emulates the guest's kernel, so Linux boots in"
                + " 15 to 50 s and stock kernels stop early; 'isthmus doctor' says more";
        return builder.config().cpu().hasFlags()
                ? note.concat("; programs in the guest see the host's CPU whatever --cpu says")
                : note;
    }

    /**
     * Turns arguments into a configuration; what needs the host (files, KVM) is checked later.
     *
     * @param keys what Ctrl-a begins in a terminal
     */
    static VmBuilder configure(Arguments arguments, EscapeFilter.Actions keys) {
        String kernel = arguments.value(CommandOptions.KERNEL);
        if (kernel == null) {
            throw new VmException.Configuration(
                    "no kernel given", "Say --kernel FILE, or try 'isthmus demo' for the bundled guest.");
        }
        VmBuilder builder = Vm.builder().kernel(UserPath.of(kernel)).name("isthmus");
        String format = arguments.value(CommandOptions.KERNEL_FORMAT);
        if (format != null) {
            builder.kernelFormat(kernelFormat(format));
        }
        String initrd = arguments.value(CommandOptions.INITRD);
        if (initrd != null) {
            builder.initrd(UserPath.of(initrd));
        }
        String commandLine = arguments.value(CommandOptions.CMDLINE);
        if (commandLine != null) {
            builder.commandLine(commandLine);
        }
        String serial = arguments.value(CommandOptions.SERIAL);
        ConsoleConfig consoles = ConsoleOption.parse(arguments, keys);
        boolean terminalTaken = consoles != null && ConsoleOption.atTerminal(consoles) >= 0;
        builder.serial(serial(serial != null ? serial : terminalTaken ? "null" : "stdio", keys));
        String cpu = arguments.value(CommandOptions.CPU);
        if (cpu != null) {
            builder.cpu(CpuModel.parse(cpu));
        }
        String debugExit = arguments.value(CommandOptions.DEBUG_EXIT);
        if (debugExit != null) {
            builder.debugExit(port(debugExit));
        }
        if (arguments.has(CommandOptions.NO_REBOOT)) {
            builder.noReboot();
        }
        configureSize(builder, arguments, consoles);
        return builder;
    }

    /** The options that {@code isthmus demo} has as well. */
    static void configureSize(VmBuilder builder, Arguments arguments, @Nullable ConsoleConfig consoles) {
        String cpus = arguments.value(CommandOptions.CPUS);
        if (cpus != null) {
            builder.cpus(number(CommandOptions.CPUS, cpus));
        }
        String memory = arguments.value(CommandOptions.MEMORY);
        if (memory != null) {
            builder.memory(memory);
        }
        for (String disk : arguments.values(CommandOptions.DISK)) {
            builder.disk(DiskOption.parse(disk));
        }
        for (String net : arguments.values(CommandOptions.NET)) {
            builder.device(NetOption.parse(net));
        }
        for (String folder : arguments.values(CommandOptions.FS)) {
            builder.device(FolderOption.parse(folder));
        }
        String vsock = arguments.value(CommandOptions.VSOCK);
        if (vsock != null) {
            builder.device(VsockOption.parse(vsock));
        }
        if (consoles != null) {
            builder.device(consoles);
        }
        String rng = arguments.value(CommandOptions.RNG);
        if (rng != null) {
            builder.device(RngOption.parse(rng));
        }
        String balloon = arguments.value(CommandOptions.BALLOON);
        if (balloon != null) {
            builder.device(BalloonOption.parse(balloon));
        }
        String transport = arguments.value(CommandOptions.TRANSPORT);
        if (transport != null) {
            builder.transport(transport(transport));
        }
    }

    private static VirtioTransport transport(String text) {
        return switch (text) {
            case "pci" -> VirtioTransport.PCI;
            case "mmio" -> VirtioTransport.MMIO;
            default -> throw new VmException.Configuration(
                    "--transport: unknown transport '" + text + "'", "Known: pci, mmio.");
        };
    }

    static @Nullable Duration timeout(Arguments arguments) {
        String timeout = arguments.value(CommandOptions.TIMEOUT);
        return timeout == null ? null : DurationText.parse(timeout);
    }

    static SerialConfig serial(String text, EscapeFilter.Actions keys) {
        return connection(CommandOptions.SERIAL, text, keys);
    }

    /** Reads what a serial line, a console or a channel is connected to. */
    static SerialConfig connection(CommandOption option, String text, EscapeFilter.Actions keys) {
        if (text.equals("stdio")) {
            return new SerialConfig.Stdio(keys, false);
        }
        if (text.equals("null")) {
            return new SerialConfig.Null();
        }
        if (text.equals("pty")) {
            return new SerialConfig.Pty();
        }
        if (text.startsWith("file=") && text.length() > 5) {
            return new SerialConfig.ToFile(UserPath.of(text.substring(5)));
        }
        if (text.startsWith("unix=") && text.length() > 5) {
            return new SerialConfig.UnixSocket(UserPath.of(text.substring(5)));
        }
        throw new VmException.Configuration(
                option.name() + ": can't connect to '" + text + "'", "Known: stdio, null, pty, file=PATH, unix=PATH.");
    }

    static KernelFormat kernelFormat(String text) {
        switch (text) {
            case "auto":
                return KernelFormat.AUTO;
            case "elf":
                return KernelFormat.ELF;
            case "bzimage":
                return KernelFormat.BZIMAGE;
            case "flat":
                return KernelFormat.FLAT;
            default:
                throw new VmException.Configuration(
                        "--kernel-format: unknown format '" + text + "'", "Known formats: auto, elf, bzimage, flat.");
        }
    }

    /** Reads an I/O port: decimal, or hexadecimal after 0x. */
    static int port(String text) {
        try {
            int port = Integer.decode(text);
            if (port >= 0 && port <= MAX_PORT && text.charAt(0) >= '0' && text.charAt(0) <= '9') {
                return port;
            }
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw new VmException.Configuration(
                "--debug-exit: '" + text + "' is not an I/O port", "Give a number up to 0xffff, for example 0xf4.");
    }

    private static int number(CommandOption option, String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new VmException.Configuration(
                    option.name() + ": '" + text + "' is not a number", "Give a whole number, for example 2.");
        }
    }
}
