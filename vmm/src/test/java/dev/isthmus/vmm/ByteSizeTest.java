// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.machine.VmException;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ByteSizeTest {
    @ParameterizedTest
    @CsvSource({
        "128, 134217728",
        "128M, 134217728",
        "128m, 134217728",
        "2G, 2147483648",
        "1T, 1099511627776",
        "64K, 65536",
        "64k, 65536",
        "4096B, 4096",
        "4096b, 4096",
        "1.5G, 1610612736",
        "0.5K, 512",
        "1.1G, 1181116006",
        "0x10, 16777216",
        "0x10K, 16384",
        "0, 0",
        "8388607T, 9223370937343148032",
    })
    void parsesWhatQemuReads(String text, long bytes) {
        assertEquals(bytes, ByteSize.parse(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "M", "12X", "12MB", "-1", "+1", " 1", "1 ", "1.M", ".5G", "1e3", "0x", "1.5.5", "١٢٨M", "1.5E"})
    void refusesWhatIsNoSizeNamingItAndAnExample(String text) {
        VmException error = assertThrows(VmException.Configuration.class, () -> ByteSize.parse(text));

        assertTrue(String.valueOf(error.getMessage()).contains("'" + text + "'"), error::getMessage);
        assertTrue(error.remedy().contains("512M"), error::remedy);
    }

    @ParameterizedTest
    @ValueSource(strings = {"9223372036854775808", "8388608T", "0xffffffffffffffff", "99999999999999999999999G"})
    void refusesWhatOverflowsWithoutWrapping(String text) {
        VmException error = assertThrows(VmException.Configuration.class, () -> ByteSize.parse(text));

        assertTrue(String.valueOf(error.getMessage()).contains("too large"), error::getMessage);
    }

    @ParameterizedTest
    @CsvSource({
        "65536, 65536",
        "512M, 536870912",
        "1.5G, 1610612736",
        "7E, 8070450532247928832",
        "1p, 1125899906842624",
        "7.9999999999999999999E, 9223372036854775807",
    })
    void plainNumberOfADiskCountsBytes(String text, long bytes) {
        assertEquals(bytes, ByteSize.parseBytes(text));
    }

    @ParameterizedTest
    @CsvSource({"1Q, not a size", "-1, not a size", "8E, too large", "9223372036854775808, too large"})
    void refusesWhatIsNoSizeOfADisk(String text, String message) {
        VmException error = assertThrows(VmException.Configuration.class, () -> ByteSize.parseBytes(text));

        assertTrue(String.valueOf(error.getMessage()).contains(message), error::getMessage);
        assertTrue(error.remedy().contains("counts bytes"), error::remedy);
    }

    @Test
    void formatsInTheLargestUnitWithoutARest() {
        assertEquals("128 MiB", ByteSize.format(128L << 20));
        assertEquals("1536 MiB", ByteSize.format(3L << 29));
        assertEquals("2 GiB", ByteSize.format(2L << 30));
        assertEquals("1 bytes", ByteSize.format(1));
        assertEquals("0 bytes", ByteSize.format(0));
    }
}
