// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.bench;

import java.nio.file.Path;
import java.time.Duration;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.serial.SerialConfig;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

/**
 * Creates a VM through the library, runs it to its one instruction and closes it, in turn with a C program that makes the
 * same KVM calls. Prints a line per VM: who, and milliseconds.
 *
 * <p>Arguments: the kernel, the C program, the number of rounds.
 */
final class LifecycleBenchmark {
    private static final int WARM_UP = 200;
    private static final int VMS_A_ROUND = 10;

    private LifecycleBenchmark() {}

    public static void main(String[] args) throws Exception {
        Path kernel = Path.of(args[0]);
        for (int i = 0; i < WARM_UP; i++) {
            runOne(kernel);
        }
        for (int round = 0; round < Integer.parseInt(args[2]); round++) {
            for (int i = 0; i < VMS_A_ROUND; i++) {
                long start = System.nanoTime();
                runOne(kernel);
                print("isthmus-library", (System.nanoTime() - start) / 1e6);
            }
            for (double millis : CPeer.run(args[1], Integer.toString(VMS_A_ROUND))) {
                print("c-ioctls", millis);
            }
        }
    }

    private static void runOne(Path kernel) throws InterruptedException {
        try (Vm vm = Vm.builder()
                .kernel(kernel)
                .memory("128M")
                .serial(new SerialConfig.Null())
                .debugExit(MachineLayout.DEBUG_EXIT_PORT)
                .start()) {
            VmResult result = vm.awaitExit(Duration.ofSeconds(30));
            if (!(result instanceof VmResult.DebugExit)) {
                throw new IllegalStateException(result.toString());
            }
        }
    }

    static void print(String name, double value) {
        System.out.printf("%s %.4f%n", name, value);
    }
}
