// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.util.List;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class Qcow2CheckResultTest {
    private static Qcow2CheckResult result(long corruptions, long leaks, long fixed, long leaksFixed, String finding) {
        return new Qcow2CheckResult(corruptions, leaks, 0, fixed, leaksFixed, 65536, 16, 4, 1, 0, List.of(finding));
    }

    @Test
    void checkAfterARepairSaysWhatIsLeftAndTheRepairWhatItMended() {
        Qcow2CheckResult repaired = result(0, 0, 3, 2, "mended");
        Qcow2CheckResult again = result(1, 0, 0, 0, "came to light");

        Qcow2CheckResult both = repaired.checkedAgain(again);

        assertTrue(repaired.clean());
        assertFalse(both.clean());
        assertEquals(1, both.corruptions());
        assertEquals(3, both.corruptionsFixed());
        assertEquals(2, both.leaksFixed());
        assertEquals(List.of("mended", "came to light"), both.findings());
    }

    @Test
    void resultOfAMereCheckTellsOfNoRepair() {
        assertFalse(result(1, 1, 0, 0, "found").repaired());
        assertTrue(result(0, 0, 0, 1, "found").repaired());
    }
}
