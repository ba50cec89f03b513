// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.List;

import org.junit.jupiter.api.Test;

import dev.isthmus.machine.HostCheck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class DoctorCommandTest {
    private static final HostCheck GOOD = HostCheck.ok("processor", "Intel VMX");
    private static final HostCheck NOTED = HostCheck.note("memory", "\"little\"", "Free some.");
    private static final HostCheck BAD = HostCheck.failed("/dev/kvm", "missing", "Load the module.");

    @Test
    void aNoteDoesNotKeepVmsFromRunningButAFailureDoes() {
        assertTrue(DoctorCommand.canRunVms(List.of(GOOD, NOTED)));
        assertFalse(DoctorCommand.canRunVms(List.of(GOOD, BAD, NOTED)));
    }

    @Test
    void textShowsEachCheckItsResultAndItsRemedy() {
        assertEquals(
                """
                ok     processor  Intel VMX
                FAILED /dev/kvm   missing
                                  -> Load the module.

                This host can't run VMs yet.
                """,
                DoctorCommand.text(List.of(GOOD, BAD)));
    }

    @Test
    void jsonHoldsTheSameWithTextEscaped() {
        assertEquals(
                """
                {"canRunVms":true,"checks":[
                {"subject":"processor","result":"ok","detail":"Intel VMX","remedy":""},
                {"subject":"memory","result":"note","detail":"\\"little\\"","remedy":"Free some."}
                ]}
                """,
                DoctorCommand.json(List.of(GOOD, NOTED)));
    }
}
