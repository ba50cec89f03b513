// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vmdk;

import java.util.Arrays;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.image.ImageFormats;
import dev.isthmus.block.mapped.BuiltImageFile;
import dev.isthmus.block.mapped.Damage;
import dev.isthmus.block.mapped.Disks;

import static dev.isthmus.block.vmdk.VmdkBuilder.GRAIN_BYTES;
import static dev.isthmus.block.vmdk.VmdkBuilder.filled;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Images of a descriptor and files beside it. */
class DescriptorTest {
    private static VmdkImage open(BuiltImageFile descriptor, BuiltImageFile... files) {
        return VmdkImage.open(descriptor, VmdkBuilder.files(files), "disk");
    }

    @Test
    void extentsOfAllKindsFollowEachOther() {
        BuiltImageFile flat = VmdkBuilder.flat("a-flat.vmdk", 20, 1);
        flat.put(10 * 512, filled(512, 2));
        BuiltImageFile sparse = VmdkBuilder.grain(VmdkBuilder.sparse("b.vmdk", 4), 0, 3);
        BuiltImageFile packed = VmdkBuilder.stream(100, Map.of(0, filled(GRAIN_BYTES, 4)));
        BuiltImageFile descriptor = VmdkBuilder.descriptor(
                "RW 10 FLAT \"a-flat.vmdk\" 10",
                "RW 3 ZERO",
                // Less than its header's capacity: the descriptor says what is in the disk.
                "RDONLY 9 SPARSE \"b.vmdk\"",
                "  RW\t8 SPARSE   \"stream.vmdk\" \r",
                "RW 5 VMFS \"a-flat.vmdk\"",
                "ddb.adapterType = \"lsilogic\"");

        try (VmdkImage image = open(descriptor, flat, sparse, packed)) {
            assertEquals(5, image.extentCount());
            assertEquals("custom", image.createType());
            assertEquals(35 * 512, image.capacityBytes());
            byte[] all = Disks.read(image, 0, 35 * 512);
            assertEquals("21111111110003333333304444444411111", firstBytes(all));
            assertArrayEquals(filled(512, 3), Disks.read(image, 13 * 512, 512));
            assertArrayEquals(filled(512, 4), Disks.read(image, 29 * 512, 512));
        }
        assertTrue(descriptor.isClosed() && flat.isClosed() && sparse.isClosed() && packed.isClosed());
    }

    private static String firstBytes(byte[] sectors) {
        StringBuilder bytes = new StringBuilder();
        for (int i = 0; i < sectors.length; i += 512) {
            bytes.append(sectors[i]);
        }
        return bytes.toString();
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "../a.vmdk", "/etc/shadow", "folder/a.vmdk", "..\\a.vmdk", "C:\\a.vmdk", "\\\\.\\PhysicalDrive0", ".", ".."
    })
    void extentOutsideOfTheFolderIsRefusedUnopened(String name) {
        BuiltImageFile descriptor = VmdkBuilder.descriptor("RW 10 FLAT \"" + name + "\" 0");

        Disks.assertRefused("outside of its folder", () -> open(descriptor));
    }

    @ParameterizedTest
    @CsvSource({
        "'RW 0 FLAT \"a\" 0', the line", "'RW -1 FLAT \"a\" 0', the line", "'RW 99999999999999999 FLAT \"a\" 0', the line",
        "'RW x FLAT \"a\" 0', the line", "'RW 10 FLAT \"a\" -1', the line", "'RW 10 FLAT \"a\" x', the line",
        "'RW 10 FLAT \"\" 0', the line", "'RW 10 FLAT a 0', the line", "'RW 10 FLAT \"a', the line", "'RW 10', the line",
        "'RW 10 OTHER \"a\"', the line", "'RW', the line", "'RW 10 VMFSSPARSE \"a\"', VMFSSPARSE",
        "'RW 10 SESPARSE \"a\"', SESPARSE", "'RW 10 VMFSRDM \"a\"', VMFSRDM", "'NOACCESS 10 FLAT \"a\" 0', accessed",
        "'RW 9999999999999999 ZERO\nRW 9999999999999999 ZERO', too large",
        "'RW 10 FLAT \"a\" 9999999999999999', it has 10240 bytes", "'', no extents", "'parentCID=1', parent",
        "'RW 10 FLAT \"a\u001b[2J\" 0 x', a?[2J", "'RW 10 FLAT \"none\" 0', missing", "'RW 21 FLAT \"a\" 0', it has 10240 bytes",
        "'RW 20 FLAT \"a\" 1', it has 10240 bytes", "'RW 1 SPARSE \"a\"', sparse VMDK", "'RW 33 SPARSE \"b\"', it has 32 sectors"
    })
    void wrongLineIsRefused(String lines, String cause) {
        BuiltImageFile descriptor = VmdkBuilder.descriptor(lines);
        BuiltImageFile flat = VmdkBuilder.flat("a", 20, 1);
        BuiltImageFile sparse = VmdkBuilder.sparse("b", 4);
        flat.close();
        sparse.close();

        Disks.assertRefused(cause, () -> open(descriptor, flat, sparse));

        assertFalse(descriptor.isClosed());
        assertTrue(flat.isClosed() && sparse.isClosed());
    }

    @Test
    void filesThatWereOpenedAreClosedWhereALaterOneIsMissing() {
        BuiltImageFile flat = VmdkBuilder.flat("a", 20, 1);
        BuiltImageFile descriptor = VmdkBuilder.descriptor("RW 20 FLAT \"a\" 0", "RW 20 FLAT \"b\" 0");

        Disks.assertRefused("File b is missing", () -> open(descriptor, flat));

        assertTrue(flat.isClosed());
    }

    @Test
    void tooManyExtentsAreRefused() {
        String[] lines = new String[Descriptor.MAX_EXTENTS + 1];
        Arrays.fill(lines, "RW 1 ZERO");
        Disks.assertRefused("more than 4096 extents", () -> open(VmdkBuilder.descriptor(lines)));
        try (VmdkImage image = open(VmdkBuilder.descriptor(Arrays.copyOf(lines, Descriptor.MAX_EXTENTS)))) {
            assertEquals(Descriptor.MAX_EXTENTS * 512, image.capacityBytes());
        }
    }

    @Test
    void tooLongDescriptorIsRefused() {
        BuiltImageFile descriptor = VmdkBuilder.descriptor("RW 1 ZERO");
        descriptor.resize(Descriptor.MAX_BYTES);
        open(descriptor).close();

        descriptor.reopen();
        descriptor.resize(Descriptor.MAX_BYTES + 1);
        Disks.assertRefused("its descriptor has", () -> open(descriptor));
    }

    @ParameterizedTest
    @CsvSource({"UTF-8, '\u00c3\u00a4', '\u00e4'", "windows-1252, '\u00e4', '\u00e4'", "no charset, '\u00c3\u00a4', '\u00e4'"})
    void namesAreInTheEncodingThatTheDescriptorSays(String encoding, String bytes, String name) {
        BuiltImageFile flat = VmdkBuilder.flat(name, 10, 1);
        BuiltImageFile descriptor =
                VmdkBuilder.descriptor("encoding=\"" + encoding + "\"", "RW 10 FLAT \"" + bytes + "\" 0");

        open(descriptor, flat).close();
    }

    @ParameterizedTest
    @CsvSource({
        "'# Disk DescriptorFile\nversion=1\n', true", "'\n \r\n# a\n#b\nversion = 3\r\nCID=1', true", "'version=1', true",
        "'version=0', false", "'version=4', false", "'version=11', false", "'versions=1', false", "'CID=1\nversion=1', false",
        "'#!/bin/sh', false", "'', false", "'=', false", "'COWD', true", "'KDMV', true"
    })
    void fileIsProbedByItsMagicOrItsFirstLine(String text, boolean isImage) {
        assertEquals(isImage, ImageFormats.probe(VmdkBuilder.text(text)) == ImageFormat.VMDK);
    }

    @Test
    void fileOfAnotherFormatIsRefused() {
        Disks.assertRefused("is not a VMDK image", () -> open(VmdkBuilder.text("hello")));
        Disks.assertRefused("is not a VMDK image", () -> open(new BuiltImageFile("disk.vmdk", 0)));
    }

    @Test
    void extentThatBecomesShorterIsAnIoError() {
        BuiltImageFile flat = VmdkBuilder.flat("a", 20, 1);
        try (VmdkImage image = open(VmdkBuilder.descriptor("RW 20 FLAT \"a\" 0"), flat)) {
            flat.resize(1024);

            assertArrayEquals(filled(1024, 1), Disks.read(image, 0, 1024));
            assertEquals(BlockStatus.IO_ERROR, Disks.readFails(image, 512, 1024));
        }
    }

    @Test
    void anyDamageIsRefusedOrAnIoError() {
        BuiltImageFile flat = VmdkBuilder.flat("a", 2000, 1);
        BuiltImageFile sparse = VmdkBuilder.grain(VmdkBuilder.sparse("b", 400), 9, 3);
        BuiltImageFile descriptor = VmdkBuilder.text(
                VmdkBuilder.NO_PARENT + "RW 1900 FLAT \"a\" 10\nRW 3000 SPARSE \"b\"\nRW 100 ZERO\nRW 5 VMFS \"a\"\n");
        long[][] regions = {{0, descriptor.sizeBytes()}};

        new Damage(descriptor, regions, unchanged -> {}, damaged -> open(damaged, flat, sparse)).run(2000);
    }
}
