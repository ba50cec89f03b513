// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.machine.VmException;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class DurationTextTest {
    @ParameterizedTest
    @CsvSource({
        "30s, 30000",
        "5m, 300000",
        "1m30s, 90000",
        "2h, 7200000",
        "1h2m3s4ms, 3723004",
        "500ms, 500",
        "30, 30000",
        "87600h, 315360000000",
    })
    void parsesUnitsInTheirOrder(String text, long millis) {
        assertEquals(millis, DurationText.parse(text).toMillis());
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "", "s", "5x", "30s5m", "5m5m", "1m30", "-5s", "1.5s", "5 s", "0", "0s", "0h0m", "87601h",
        "99999999999999999999999h", "5S"
    })
    void refusesWhatIsNoDurationNamingItAndAnExample(String text) {
        VmException error = assertThrows(VmException.Configuration.class, () -> DurationText.parse(text));

        assertTrue(String.valueOf(error.getMessage()).contains("'" + text + "'"), error::getMessage);
        assertTrue(error.remedy().contains("1m30s"), error::remedy);
    }

    @ParameterizedTest
    @ValueSource(strings = {"30s", "5m", "1m30s", "2h", "1h2m3s4ms", "500ms"})
    void formatsAsItParses(String text) {
        assertEquals(text, DurationText.format(DurationText.parse(text)));
    }
}
