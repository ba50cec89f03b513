// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.acpi;

import java.util.HexFormat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

/** Encodings of ACPI 6.5, chapter 20; the expected bytes are what {@code iasl} makes of the ASL in the comments. */
class AmlBuilderTest {
    private final AmlBuilder aml = new AmlBuilder(16);

    private void assertBytes(String hex) {
        assertEquals(hex, HexFormat.ofDelimiter(" ").formatHex(aml.toByteArray()));
    }

    @ParameterizedTest
    @CsvSource({
        "0, 00",
        "1, 01",
        "2, 0a 02",
        "255, 0a ff",
        "256, 0b 00 01",
        "65535, 0b ff ff",
        "65536, 0c 00 00 01 00",
        "4294967295, 0c ff ff ff ff",
        "4294967296, 0e 00 00 00 00 01 00 00 00",
        "-2, 0e fe ff ff ff ff ff ff ff",
        "-1, ff",
    })
    void integersTakeTheirShortestForm(long value, String hex) {
        aml.integer(value);

        assertBytes(hex);
    }

    @ParameterizedTest
    @CsvSource({
        "PNP0501, 0c 41 d0 05 01",
        "PNP0C0C, 0c 41 d0 0c 0c",
        "PNP0A08, 0c 41 d0 0a 08",
    })
    void eisaIdsAreCompressed(String id, String hex) {
        aml.eisaId(id);

        assertBytes(hex);
    }

    @ParameterizedTest
    @ValueSource(strings = {"PNP050", "pnp0501", "ACPI0007", "PNP05G1"})
    void otherIdsAreNoEisaIds(String id) {
        assertThrows(IllegalArgumentException.class, () -> aml.eisaId(id));
    }

    @ParameterizedTest
    @CsvSource({
        "C000, 43 30 30 30",
        "_SB, 5f 53 42 5f",
        "\\_SB, 5c 5f 53 42 5f",
        "\\, 5c 00",
        "^^A, 5e 5e 41 5f 5f 5f",
        "A.B, 2e 41 5f 5f 5f 42 5f 5f 5f",
        "\\A.B.C, 5c 2f 03 41 5f 5f 5f 42 5f 5f 5f 43 5f 5f 5f",
    })
    void pathsAreSegmentsOfFourWithPrefixes(String path, String hex) {
        aml.path(path);

        assertBytes(hex);
    }

    @ParameterizedTest
    @ValueSource(strings = {"ABCDE", "A..B", "a", "1ABC", "A.", "A\\B"})
    void malformedPathsAreRefused(String path) {
        assertThrows(IllegalArgumentException.class, () -> aml.path(path));
    }

    @Test
    void stringsEndWithNul() {
        aml.string("ACPI0007");

        assertBytes("0d 41 43 50 49 30 30 30 37 00");
    }

    @Test
    void stringsOutsideAsciiAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> aml.string("é"));
    }

    /** {@code Name (_S5, Package () {5, 0})}. */
    @Test
    void packageHasLengthAndElementCount() {
        aml.name("_S5").beginPackage(2).integer(5).integer(0).end();

        assertBytes("08 5f 53 35 5f 12 05 02 0a 05 00");
    }

    /** A package length counts its own bytes: 62 bytes of content are the most for one byte of length. */
    @ParameterizedTest
    @CsvSource({
        "62, 3f",
        "63, 41 04",
        "4093, 4f ff",
        "4094, 81 00 01",
        "1048572, 8f ff ff",
        "1048573, c1 00 00 01",
    })
    void packageLengthGrowsWithItsContent(int contentBytes, String lengthHex) {
        aml.beginIf();
        for (int i = 0; i < contentBytes; i++) {
            aml.integer(0);
        }
        aml.end();

        byte[] encoded = aml.toByteArray();
        int lengthBytes = encoded.length - 1 - contentBytes;
        assertEquals(lengthHex, HexFormat.ofDelimiter(" ").formatHex(encoded, 1, 1 + lengthBytes));
    }

    /** {@code Device (PWRB) {Name (_HID, EisaId ("PNP0C0C"))}} in {@code Scope (\_SB)}. */
    @Test
    void scopesAndDevicesNest() {
        aml.beginScope("\\_SB").beginDevice("PWRB").name("_HID").eisaId("PNP0C0C").end().end();

        assertBytes("10 17 5c 5f 53 42 5f 5b 82 0f 50 57 52 42 08 5f 48 49 44 0c 41 d0 0c 0c");
    }

    /** {@code Name (BUFF, Buffer () {1, 2, 3})}. */
    @Test
    void buffersHaveTheirSize() {
        aml.name("BUFF").buffer(new byte[] {1, 2, 3});

        assertBytes("08 42 55 46 46 11 06 0a 03 01 02 03");
    }

    /**
     * {@code OperationRegion (EREG, SystemIO, 0x0604, 0x04)}, {@code Field (EREG, DWordAcc, NoLock, WriteAsZeros)
     * {ESEL, 32}}.
     */
    @Test
    void fieldsNameTheBitsOfARegion() {
        aml.operationRegion("EREG", AmlBuilder.REGION_SPACE_SYSTEM_IO, 0x604, 4)
                .beginField("EREG", AmlBuilder.FIELD_DWORD_ACC_NO_LOCK_WRITE_AS_ZEROS)
                .fieldUnit("ESEL", 32)
                .end();

        assertBytes("5b 80 45 52 45 47 01 0b 04 06 0a 04 5b 81 0b 45 52 45 47 43 45 53 45 4c 20");
    }

    /** A field unit of 64 bits and more needs a length of two bytes. */
    @Test
    void fieldUnitsCanBeLong() {
        aml.beginField("EREG", 0).fieldUnit("LONG", 256).end();

        assertBytes("5b 81 0c 45 52 45 47 00 4c 4f 4e 47 40 10");
    }

    /** {@code Method (_EVT, 1, Serialized) {If ((ESEL & One)) {Notify (PWRB, 0x80)}}}. */
    @Test
    void methodsTestAndNotify() {
        aml.beginMethod("_EVT", 1, true)
                .beginIf().and().path("ESEL").integer(1).nullName()
                .notifyOp("PWRB", 0x80)
                .end()
                .end();

        assertBytes("14 16 5f 45 56 54 09 a0 0f 7b 45 53 45 4c 01 00 86 50 57 52 42 0a 80");
    }

    /** {@code Method (TEST, 2) {If ((Arg0 == 1)) {Local0 = Arg1} Else {Return (Zero)} Return (Local0)}}. */
    @Test
    void methodsCompareStoreAndReturn() {
        aml.beginMethod("TEST", 2, false)
                .beginIf().lEqual().arg(0).integer(1)
                .store().arg(1).local(0)
                .end()
                .beginElse().returnOp().integer(0)
                .end()
                .returnOp().local(0)
                .end();

        assertBytes("14 14 54 45 53 54 02 a0 07 93 68 01 70 69 60 a1 03 a4 00 a4 60");
    }

    @Test
    void whatIsOpenMustBeEnded() {
        aml.beginScope("_SB");

        assertThrows(IllegalStateException.class, aml::toByteArray);
    }

    @Test
    void whatIsNotOpenCannotBeEnded() {
        assertThrows(IllegalStateException.class, aml::end);
    }

    @Test
    void nestingHasNoLimit() {
        for (int i = 0; i < 20; i++) {
            aml.beginIf().integer(1);
        }
        for (int i = 0; i < 20; i++) {
            aml.end();
        }

        assertEquals(0xa0, aml.toByteArray()[0] & 0xff);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 8})
    void argumentCountsOutOfRangeAreRefused(int argCount) {
        assertThrows(IllegalArgumentException.class, () -> aml.beginMethod("TEST", argCount, false));
    }
}
