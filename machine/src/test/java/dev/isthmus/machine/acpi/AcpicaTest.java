// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.acpi;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.PciWindows;
import dev.isthmus.testing.tools.HostPrograms;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * The tables as the reference implementation of ACPI sees them: {@code iasl} takes them apart and puts them together
 * again, {@code acpiexec} runs their methods. Both are in Debian's acpica-tools; without them the tests are skipped, in
 * CI they fail.
 */
class AcpicaTest {
    private static final int HEADER_LENGTH_BYTES = 36;

    private static final PciWindows PCI = new PciWindows(0x4_0000_0000L, 0x4_0000_0000L);

    @TempDir
    private Path directory;

    @BeforeEach
    void findTools() {
        HostPrograms.require("iasl", "acpiexec");
    }

    static Stream<PlatformDescription> platforms() {
        return Stream.of(
                PlatformDescription.standard(1, 0, null),
                PlatformDescription.standard(1, 0, new PciWindows(0, 0)),
                PlatformDescription.standard(2, 0, PCI),
                PlatformDescription.standard(2, 3, null),
                PlatformDescription.standard(300, MachineLayout.VIRTIO_MMIO_MAX, null),
                new PlatformDescription(1, 1, null, true, true, true, true, true),
                new PlatformDescription(1, 0, null, false, false, false, false, false));
    }

    @ParameterizedTest
    @MethodSource("platforms")
    void iaslMakesTheSameDsdtOfItsOwnDisassembly(PlatformDescription platform) throws Exception {
        byte[] dsdt = new PublishedTables(platform).dsdt();

        byte[] recompiled = recompile("dsdt", dsdt);

        // The header differs: it names iasl as the compiler.
        assertArrayEquals(withoutHeader(dsdt), withoutHeader(recompiled));
    }

    @ParameterizedTest
    @MethodSource("platforms")
    void iaslMakesTheSameDataTablesOfTheirDisassembly(PlatformDescription platform) throws Exception {
        PublishedTables tables = new PublishedTables(platform);

        List<byte[]> dataTables = new ArrayList<>(List.of(tables.xsdt(), tables.find("FACP"), tables.find("APIC")));
        if (platform.pci() != null) {
            dataTables.add(tables.find("MCFG"));
        }
        for (byte[] table : dataTables) {
            byte[] recompiled = recompile(PublishedTables.signature(table), table);

            assertArrayEquals(withoutHeader(table), withoutHeader(recompiled));
        }
    }

    private byte[] recompile(String name, byte[] table) throws Exception {
        Files.write(directory.resolve(name + ".dat"), table);
        String disassembly = run("iasl", "-d", name + ".dat");
        assertFalse(disassembly.contains("Error") || disassembly.contains("Warning"), disassembly);

        String compilation = run("iasl", "-p", name + "-again", name + ".dsl");

        assertTrue(compilation.contains("0 Errors, 0 Warnings, 0 Remarks"), compilation);
        return Files.readAllBytes(directory.resolve(name + "-again.aml"));
    }

    private static byte[] withoutHeader(byte[] table) {
        return Arrays.copyOfRange(table, HEADER_LENGTH_BYTES, table.length);
    }

    @Test
    void powerOffHasSleepTypeFive() throws Exception {
        String output = execute("0", "evaluate \\_S5_");

        assertTrue(output.contains("[Package] Contains 2 Elements"), output);
        assertTrue(output.contains("[Integer] = 0000000000000005"), output);
    }

    /** The simulated ports read as the fill value in every byte. */
    @Test
    void genericEventNotifiesThePowerButtonWhereTheSelectorSaysSo() throws Exception {
        String output = execute("1", "evaluate \\_SB.GED_._EVT 9");

        assertFalse(output.contains("AE_"), output);
        assertTrue(output.contains("Received a Device Notify on [PWRB]"), output);
        assertTrue(output.contains("Value 0x80"), output);
    }

    @Test
    void genericEventNotifiesNobodyWhereTheSelectorIsClear() throws Exception {
        String output = execute("0xFE", "evaluate \\_SB.GED_._EVT 9");

        assertTrue(output.contains("No object was returned from evaluation"), output);
        assertFalse(output.contains("AE_"), output);
        assertFalse(output.contains("Notify"), output);
    }

    @Test
    void serialPortHasTheResourcesOfCom1() throws Exception {
        String output = execute("0", "resources \\_SB.COM1");

        assertTrue(output.contains("Address Minimum : 03F8"), output);
        assertTrue(output.contains("Triggering : Edge"), output);
        assertTrue(output.contains("Interrupt List : 4"), output);
    }

    @Test
    void pciRootHasItsBusAndBothWindows() throws Exception {
        String output = executeWithPci("resources \\_SB.PCI0");

        assertTrue(output.contains("Resource Type : Bus Number Range"), output);
        assertTrue(output.contains("Address Minimum : 0CF8"), output);
        assertTrue(output.matches("(?s).*Address Minimum : C0000000\\s+Address Maximum : DFFFFFFF.*"), output);
        assertTrue(
                output.matches("(?s).*Address Minimum : 0000000400000000\\s+Address Maximum : 00000007FFFFFFFF.*"),
                output);
    }

    @Test
    void everyPciDeviceHasItsInterrupt() throws Exception {
        String output = executeWithPci("resources \\_SB.PCI0");

        for (int device = 1; device < MachineLayout.PCI_DEVICES_MAX; device++) {
            int gsi = MachineLayout.pciIntxIrq(MachineLayout.pciIntxIndex(device));
            String entry = String.format(
                    "(?s).*Address : 0000000000%02XFFFF\\s+Pin : 00000000\\s+Source : .NULL NAMESTRING.\\s+Source Index : %08X.*",
                    device, gsi);
            assertTrue(output.matches(entry), entry + output);
        }
    }

    /** The capabilities that Linux asks for; the first word is bit 0 for a query, and errors in the answer. */
    @ParameterizedTest
    @CsvSource({
        "5B4DDB33F71F1C4096577441C03DD766, 1, 00",
        "5B4DDB33F71F1C4096577441C03DD766, 2, 08",
        "00000000000000000000000000000000, 1, 04"
    })
    void everyFeatureOfPciExpressMayBeTakenOver(String uuid, int revision, String error) throws Exception {
        String output = executeWithPci(
                "evaluate \\_SB.PCI0._OSC (" + uuid + ") " + revision + " 3 (000000001D0000003F000000)");

        assertFalse(output.contains("AE_"), output);
        assertTrue(output.contains(error + " 00 00 00 1D 00 00 00 3F 00 00 00"), output);
    }

    private String executeWithPci(String command) throws Exception {
        return execute(PlatformDescription.standard(2, 0, PCI), "0", command);
    }

    private String execute(String regionFill, String command) throws Exception {
        return execute(PlatformDescription.standard(2, 3, null), regionFill, command);
    }

    private String execute(PlatformDescription platform, String regionFill, String command) throws Exception {
        Files.write(directory.resolve("dsdt.dat"), new PublishedTables(platform).dsdt());
        return run("acpiexec", "-r", "-fv", regionFill, "-b", command, "dsdt.dat");
    }

    private String run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectInput(new File("/dev/null"))
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        assertEquals(0, process.waitFor(), output);
        return output;
    }
}
