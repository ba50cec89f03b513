// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.time.Duration;
import java.util.List;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.vmm.DemoGuest;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmBuilder;
import dev.isthmus.vmm.VmResult;

/** The demo guest as the tests start it: with little memory, its console captured. */
final class LinuxGuest {
    /** What the demo guest's shell prints when it waits for a command. */
    static final String PROMPT = "isthmus:~# ";

    /**
     * How long anything may take that Linux does. A boot takes well below a second with hardware virtualisation and up to
     * a minute where KVM emulates the guest's kernel on a busy machine.
     */
    static final Duration DEADLINE = Duration.ofSeconds(150);

    private LinuxGuest() {}

    /** A guest that runs one command, reports its exit status at the debug-exit port, and ends. */
    static VmBuilder running(GuestKernel kernel, String... command) {
        return with(kernel, DemoGuest.locate().commandLine(List.of(command))).debugExit(MachineLayout.DEBUG_EXIT_PORT);
    }

    /**
     * Returns the command line of a guest whose root is a disk, which runs a script and then powers off.
     *
     * @param root what the kernel is told of its root, such as "root=/dev/vda ro"
     */
    static String commandLineOnDisk(String root, String script) {
        // Told of no debug-exit port, the guest ends by powering off.
        return root + " rootfstype=ext4 init=/init "
                + DemoGuest.locate().commandLine(List.of("sh", "-c", script)).replaceAll("isthmus\\.exit=\\S+", "");
    }

    /** A guest with a shell on its console. */
    static VmBuilder withShell() {
        return with(GuestKernel.BZIMAGE, DemoGuest.locate().commandLine(List.of()));
    }

    static VmBuilder with(GuestKernel kernel, String commandLine) {
        return Vm.builder()
                .kernel(kernel.file())
                .initrd(DemoGuest.locate().initrd())
                .commandLine(commandLine)
                .serialGate(MachineLayout.SERIAL_GATE_PORT)
                .memory("128M");
    }

    /** Waits for the guest's end; at the deadline the failure shows the console and what every thread did. */
    static VmResult awaitEnd(Vm vm) throws InterruptedException {
        return awaitEnd(vm, DEADLINE);
    }

    /** As {@link #awaitEnd(Vm)}, of a guest that does more than a boot. */
    static VmResult awaitEnd(Vm vm, Duration deadline) throws InterruptedException {
        VmResult result = vm.awaitExit(deadline);
        if (result instanceof VmResult.TimedOut) {
            StringBuilder report = new StringBuilder("The guest did not end. Its console:\n").append(vm.serial().text());
            report.append("\nThreads:\n");
            Thread.getAllStackTraces().forEach((thread, frames) -> {
                report.append(thread).append('\n');
                for (StackTraceElement frame : frames) {
                    report.append("    ").append(frame).append('\n');
                }
            });
            throw new AssertionError(report.toString());
        }
        return result;
    }
}
