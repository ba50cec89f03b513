// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.nio.file.Path;
import java.time.Duration;

/** The example of {@link Vm}'s documentation, as a program. */
final class Example {
    private Example() {}

    static VmResult run(Path kernel) throws InterruptedException {
        // example begins
        try (Vm vm = Vm.builder().kernel(kernel).commandLine("console=ttyS0").memory("64M").start()) {
            vm.serial().awaitText("# ", Duration.ofMinutes(1));
            vm.serial().write("poweroff\n");
            return vm.awaitExit(Duration.ofMinutes(1));
        }
        // example ends
    }
}
