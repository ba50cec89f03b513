// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.machine.VmException;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertEquals;

class ExitStatusTest {
    @ParameterizedTest
    @CsvSource({"0, 1", "1, 3", "0x2a, 85", "127, 255", "128, 1", "255, 255", "0x7fffffff, 255", "-1, 255"})
    void debugExitIsOddAsWithQemu(String value, int status) {
        assertEquals(status, ExitStatus.of(new VmResult.DebugExit(Integer.decode(value))));
    }

    @Test
    void everyOtherEndHasTheStatusOfTheTable() {
        assertEquals(0, ExitStatus.of(new VmResult.PoweredOff()));
        assertEquals(0, ExitStatus.of(new VmResult.Reset()));
        assertEquals(34, ExitStatus.of(new VmResult.Panicked("")));
        assertEquals(36, ExitStatus.of(new VmResult.TripleFault("")));
        assertEquals(38, ExitStatus.of(new VmResult.KvmFailure("")));
        assertEquals(124, ExitStatus.of(new VmResult.TimedOut()));
        assertEquals(130, ExitStatus.of(new VmResult.Stopped()));
    }

    @Test
    void everyKindOfExceptionHasTheStatusOfTheTable() {
        assertEquals(2, ExitStatus.of(new VmException.Configuration("", "")));
        assertEquals(4, ExitStatus.of(new VmException.HostUnsupported("", "")));
        assertEquals(6, ExitStatus.of(new VmException.HostFault("", "")));
        assertEquals(6, ExitStatus.of(new OutOfMemoryError()));
        assertEquals(8, ExitStatus.of(new IllegalStateException()));
    }
}
