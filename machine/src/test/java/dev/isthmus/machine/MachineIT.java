// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.testing.machine.BareVm;
import dev.isthmus.testing.machine.GuestCode;
import dev.isthmus.testing.machine.GuestKernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

@RequiresKvm
class MachineIT {
    @TempDir
    Path directory;

    @Test
    void pvhGuestOfOneInstructionEndsWithItsDebugExit() throws Exception {
        GuestCode code = new GuestCode().line("out  %al, $0xf4", 0xe6, 0xf4);
        Path kernel = GuestKernel.pvh(directory, code);
        MachineConfig config =
                MachineConfig.builder(kernel).debugExitPort(0xf4).build();

        try (Machine machine = Machine.create(config)) {
            machine.start();
            MachineExit exit = machine.awaitExit(BareVm.patience());

            assertEquals(new MachineExit.DebugExit(0), exit);
            assertEquals(MachineState.ENDED, machine.state());
        }
    }
}
