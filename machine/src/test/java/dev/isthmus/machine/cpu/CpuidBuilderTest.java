// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

class CpuidBuilderTest {
    private static final Pattern SECTION = Pattern.compile("\\[(\\d+) CPUs, CPU (\\d+)]");

    /** What one section of a {@code .changes} resource says: every line that is not as supported, and no other. */
    record Expectation(String sample, int cpus, int vcpuIndex, List<String> changes) {}

    static Stream<Expectation> expectations() {
        List<Expectation> expectations = new ArrayList<>();
        for (String sample : List.of(CpuidSample.AMD, CpuidSample.AMD_PVM, CpuidSample.INTEL)) {
            for (String line : CpuidSample.lines(sample + ".changes")) {
                Matcher section = SECTION.matcher(line);
                if (section.matches()) {
                    expectations.add(new Expectation(
                            sample,
                            Integer.parseInt(section.group(1)),
                            Integer.parseInt(section.group(2)),
                            new ArrayList<>()));
                } else {
                    expectations.getLast().changes().add(line);
                }
            }
        }
        return expectations.stream();
    }

    @ParameterizedTest
    @MethodSource("expectations")
    void hostModelChangesTopologyIdsAndHypervisorBitOnly(Expectation expectation) {
        CpuidEntry[] supported = CpuidSample.load(expectation.sample());

        CpuidEntry[] built =
                CpuidBuilder.build(supported, CpuModel.HOST, expectation.vcpuIndex(), expectation.cpus());

        assertEquals(expectation.changes(), CpuidSample.difference(supported, built));
    }

    @Test
    void samplesAreAllLookedAtWithFourSizes() {
        assertEquals(12, expectations().count());
    }

    @ParameterizedTest
    @ValueSource(strings = {CpuidSample.AMD, CpuidSample.AMD_PVM, CpuidSample.INTEL})
    void supportedEntriesStayAsTheyWere(String sample) {
        CpuidEntry[] supported = CpuidSample.load(sample);

        CpuidEntry[] built = CpuidBuilder.build(supported, CpuModel.parse("host,-avx2"), 1, 2);

        assertEquals(List.of(), CpuidSample.difference(CpuidSample.load(sample), supported));
        assertNotSame(supported[0], built[0]);
    }

    @Test
    void everyVcpuHasIdsOfItsOwnFromOneBuilder() {
        CpuidBuilder builder =
                new CpuidBuilder(CpuidSample.load(CpuidSample.AMD), CpuModel.HOST, 3, CpuidOptions.DEFAULT);

        for (int id = 2; id >= 0; id--) {
            CpuidEntries table = CpuidEntries.copyOf(builder.forVcpu(id));
            assertEquals(id, table.get(0x1, 0, CpuidRegister.EBX) >>> 24);
            assertEquals(id, table.get(0xb, 0, CpuidRegister.EDX));
            assertEquals(id, table.get(0xb, 1, CpuidRegister.EDX));
            assertEquals(id, table.get(0x8000_001e, 0, CpuidRegister.EAX));
        }
    }

    @Test
    void cpuCountsThatAreNoPowerOfTwoAreRoundedUpWhereIdsAreCounted() {
        CpuidEntries table =
                CpuidEntries.copyOf(CpuidBuilder.build(CpuidSample.load(CpuidSample.INTEL), CpuModel.HOST, 0, 3));

        assertEquals(3, table.get(0x1, 0, CpuidRegister.EBX) >>> 16 & 0xff);
        assertEquals(2, table.get(0xb, 1, CpuidRegister.EAX), "bits of an id");
        assertEquals(3, table.get(0xb, 1, CpuidRegister.EBX), "logical processors");
        assertEquals(3, table.get(0x4, 3, CpuidRegister.EAX) >>> 14 & 0xfff, "ids that share the L3, less one");
        assertEquals(3, table.get(0x4, 0, CpuidRegister.EAX) >>> 26, "core ids, less one");
    }

    @Test
    void idsBeyondEightBitsAreWholeInTheTopologyLeaf() {
        CpuidEntries table =
                CpuidEntries.copyOf(CpuidBuilder.build(CpuidSample.load(CpuidSample.INTEL), CpuModel.HOST, 299, 300));

        assertEquals(299 & 0xff, table.get(0x1, 0, CpuidRegister.EBX) >>> 24);
        assertEquals(255, table.get(0x1, 0, CpuidRegister.EBX) >>> 16 & 0xff);
        assertEquals(299, table.get(0xb, 1, CpuidRegister.EDX));
        assertEquals(9, table.get(0xb, 1, CpuidRegister.EAX));
    }

    @Test
    void amdKeepsXsaveErrorPointersWhateverElseGoes() {
        CpuidEntries table = CpuidEntries.copyOf(
                CpuidBuilder.build(CpuidSample.load(CpuidSample.AMD), CpuModel.parse("host,-xsave"), 0, 1));

        assertEquals(1 << 2, table.get(0x8000_0008, 0, CpuidRegister.EBX) & 1 << 2);
    }

    @Test
    void bitsThatTheGuestSetsStartClear() {
        CpuidEntry[] supported = CpuidSample.load(CpuidSample.INTEL);
        CpuidEntries running = CpuidEntries.copyOf(supported);
        setBits(running, 0x1, 1 << 27); // OSXSAVE
        setBits(running, 0x7, 1 << 4); // OSPKE

        CpuidEntries table = CpuidEntries.copyOf(CpuidBuilder.build(running.toArray(), CpuModel.HOST, 0, 1));

        assertEquals(0, table.get(0x1, 0, CpuidRegister.ECX) & 1 << 27);
        assertEquals(0, table.get(0x7, 0, CpuidRegister.ECX) & 1 << 4);
    }

    private static void setBits(CpuidEntries table, int function, int ecxBits) {
        Objects.requireNonNull(table.find(function, 0)).ecx |= ecxBits;
    }

    @ParameterizedTest
    @CsvSource({"true, 1", "false, 0"})
    void tscDeadlineTimerFollowsTheLocalApic(boolean tscDeadlineTimer, int expected) {
        CpuidEntries table =
                buildWith(CpuidSample.INTEL, new CpuidOptions(0, tscDeadlineTimer, true, ""));

        assertEquals(expected, table.get(0x1, 0, CpuidRegister.ECX) >>> 24 & 1);
    }

    @Test
    void withoutHypercallsNoFeatureNeedsThem() {
        CpuidEntries table = buildWith(CpuidSample.AMD_PVM, new CpuidOptions(0, true, false, ""));

        int unhaltSendIpiAndYield = 1 << 7 | 1 << 11 | 1 << 13;
        assertEquals(
                0x0100_7efb & ~unhaltSendIpiAndYield, table.get(0x4000_0001, 0, CpuidRegister.EAX));
    }

    @Test
    void knownTscFrequencyIsInTheHypervisorsLeaf() {
        CpuidEntries table = buildWith(CpuidSample.AMD_PVM, new CpuidOptions(2_595_124, true, true, ""));

        assertEquals(0x4000_0010, table.get(0x4000_0000, 0, CpuidRegister.EAX));
        assertEquals(0x4b4d_564b, table.get(0x4000_0000, 0, CpuidRegister.EBX));
        assertEquals(2_595_124, table.get(0x4000_0010, 0, CpuidRegister.EAX));
        assertEquals(1_000_000, table.get(0x4000_0010, 0, CpuidRegister.EBX));
        assertEquals(0, table.get(0x15, 0, CpuidRegister.EBX), "AMD's have no leaf 0x15");
    }

    @Test
    void knownTscFrequencyIsInIntelsLeafToo() {
        CpuidEntries table = buildWith(CpuidSample.INTEL, new CpuidOptions(2_000_123, true, true, ""));

        long denominator = table.get(0x15, 0, CpuidRegister.EAX);
        long numerator = table.get(0x15, 0, CpuidRegister.EBX);
        long crystalHz = table.get(0x15, 0, CpuidRegister.ECX);
        assertEquals(2_000_123_000L, crystalHz * numerator / denominator);
    }

    @Test
    void unknownTscFrequencyIsNotTold() {
        CpuidEntries table = buildWith(CpuidSample.INTEL, CpuidOptions.DEFAULT);

        assertEquals(0x4000_0001, table.get(0x4000_0000, 0, CpuidRegister.EAX));
        assertEquals(0, table.get(0x4000_0010, 0, CpuidRegister.EAX));
    }

    @ParameterizedTest
    @CsvSource({
        "AMD EPYC 7713 64-Core Processor, AMD EPYC 7713 64-Core Processor",
        "Very Long Name Of A Processor That Has More Than 47 Characters, Very Long Name Of A Processor That Has More Tha",
        "Prozessor für Gäste, Prozessor f?r G?ste",
    })
    void brandIsToldInAsciiOfFortySevenCharacters(String brand, String told) {
        CpuidEntries table = buildWith(CpuidSample.AMD, new CpuidOptions(0, true, true, brand));

        ByteBuffer bytes = ByteBuffer.allocate(48).order(ByteOrder.LITTLE_ENDIAN);
        for (int leaf = 0x8000_0002; leaf <= 0x8000_0004; leaf++) {
            for (CpuidRegister register : CpuidRegister.values()) {
                bytes.putInt(table.get(leaf, 0, register));
            }
        }
        assertEquals(told, new String(bytes.array(), StandardCharsets.US_ASCII).replace("\0", ""));
        assertEquals(0, bytes.get(47));
    }

    private static CpuidEntries buildWith(String sample, CpuidOptions options) {
        CpuidBuilder builder = new CpuidBuilder(CpuidSample.load(sample), CpuModel.HOST, 2, options);
        return CpuidEntries.copyOf(builder.forVcpu(0));
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 2})
    void vcpusOutOfRangeAreRefused(int vcpuIndex) {
        CpuidEntry[] supported = CpuidSample.load(CpuidSample.AMD);

        assertThrows(
                IllegalArgumentException.class, () -> CpuidBuilder.build(supported, CpuModel.HOST, vcpuIndex, 2));
    }
}
