// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.machine.VmException;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class KeyValuesTest {
    @Test
    void splitsAtSingleCommasAndKeepsDoubledOnes() {
        KeyValues values = parse("path=/a,,b,,,serial=,,x=y,,");

        assertEquals("/a,b,", values.get("path"));
        assertEquals(",x=y,", values.get("serial"));
        assertNull(values.get("readonly"));
    }

    @Test
    void switchIsOnOrOffOrWhatItIsWithout() {
        assertTrue(parse("readonly=on").getSwitch("readonly", false));
        assertFalse(parse("readonly=off").getSwitch("readonly", true));
        assertTrue(parse("path=x").getSwitch("readonly", true));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "size=3|unknown key 'size'",
        "PATH=x|unknown key 'PATH'",
        "''|unknown key ''",
        "path=x,|unknown key ''",
        "/dev/sda|unknown key '/dev/sda'",
        "readonly|readonly has no value",
        "path=|path has no value",
        "path=a,path=b|path is given twice",
    })
    void namesTheOptionTheKeyAndWhatIsKnown(String text, String message) {
        VmException error = assertThrows(VmException.Configuration.class, () -> parse(text));

        assertEquals("--disk: " + message, error.getMessage());
        assertFalse(error.remedy().isEmpty());
    }

    @Test
    void unknownKeysRemedyListsTheKnownOnes() {
        VmException error = assertThrows(VmException.Configuration.class, () -> parse("file=x"));

        assertTrue(error.remedy().contains("path, readonly, serial"), error::remedy);
    }

    @Test
    void switchThatIsNeitherOnNorOffIsRefused() {
        VmException error =
                assertThrows(VmException.Configuration.class, () -> parse("readonly=yes").getSwitch("readonly", false));

        assertEquals("--disk: readonly=yes is neither on nor off", error.getMessage());
    }

    private static KeyValues parse(String text) {
        return KeyValues.parse("--disk", text, "path", "readonly", "serial");
    }
}
