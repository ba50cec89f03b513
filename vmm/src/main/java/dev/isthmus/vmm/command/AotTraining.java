// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.io.IOException;
import java.lang.module.ModuleReader;
import java.lang.module.ResolvedModule;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import dev.isthmus.machine.VmException;
import dev.isthmus.vmm.DemoGuest;

/**
 * The run in which the build records the AOT cache of the distribution: does what {@code isthmus run} does, so that
 * those classes are loaded and linked in the cache.
 *
 * <p>Where KVM can't be used, no guest runs, and classes are only loaded. No part of the command.
 */
public final class AotTraining {
    /** They bring in classes of picocli's, which have a format too old for the cache. */
    private static final List<String> LEFT_OUT = List.of("PicocliCommands", "VersionText");

    private AotTraining() {}

    /**
     * Trains.
     *
     * @param args the distribution's directory
     */
    public static void main(String[] args) throws Exception {
        Path directory = Files.createTempDirectory("isthmus-training");
        try {
            Path kernel = directory.resolve("kernel");
            Files.write(kernel, TrialRun.kernel());
            runGuest(kernel);
            prepareDemo(args[0]);
        } finally {
            try (var files = Files.list(directory)) {
                for (Path file : files.toList()) {
                    Files.delete(file);
                }
            }
            Files.delete(directory);
        }
        loadAllClasses();
    }

    private static void runGuest(Path kernel) throws Exception {
        String[] run = {
            RunCommand.NAME, "--kernel", kernel.toString(), "--cmdline", "console=ttyS0", "--memory", "128M",
            "--cpus", "1", "--serial", "stdio", "--debug-exit", "0xf4", "--no-reboot", "--timeout", "10s"
        };
        String[] dryRun = new String[run.length + 1];
        System.arraycopy(run, 0, dryRun, 0, run.length);
        dryRun[run.length] = CommandOptions.DRY_RUN.name();
        Main.run(dryRun);
        if (!Files.isWritable(Path.of("/dev/kvm"))) {
            return;
        }
        int status = Main.run(run);
        if (status != ExitStatus.ofDebugExit(TrialRun.VALUE)) {
            throw new IllegalStateException("the guest ended with status " + status);
        }
    }

    /** Unpacks the demo guest's kernel. */
    private static void prepareDemo(String distribution) throws Exception {
        System.setProperty(DemoGuest.HOME_PROPERTY, distribution);
        try {
            Main.run(new String[] {DemoCommand.NAME, CommandOptions.DRY_RUN.name()});
        } catch (VmException.Configuration e) {
            // A distribution without it.
            Messages.failure(e, false);
        }
    }

    /** Loads what was not used, too: a class in the cache costs next to nothing, one outside of it much. */
    private static void loadAllClasses() throws IOException, ClassNotFoundException {
        Module self = AotTraining.class.getModule();
        if (self.getLayer() == null) {
            throw new IllegalStateException("run it on the module path, as the distribution runs");
        }
        for (ResolvedModule module : self.getLayer().configuration().modules()) {
            if (!module.name().startsWith("dev.isthmus.")) {
                continue;
            }
            List<String> resources;
            try (ModuleReader reader = module.reference().open();
                    var names = reader.list()) {
                resources = names.toList();
            }
            for (String resource : resources) {
                if (resource.endsWith(".class") && !resource.equals("module-info.class")) {
                    String name = resource.substring(0, resource.length() - ".class".length()).replace('/', '.');
                    if (LEFT_OUT.contains(name.substring(name.lastIndexOf('.') + 1))) {
                        continue;
                    }
                    Class.forName(name, false, AotTraining.class.getClassLoader());
                }
            }
        }
    }
}
