// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.machine.VmException;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** {@code --cpu host,±flag}: how it is read, and what it does to CPUID entries. */
class CpuFlagsTest {
    private static CpuidEntries build(String sample, String model) {
        return CpuidEntries.copyOf(CpuidBuilder.build(CpuidSample.load(sample), CpuModel.parse(model), 0, 2));
    }

    private static VmException.Configuration refused(String sample, String model) {
        return assertThrows(VmException.Configuration.class, () -> build(sample, model));
    }

    // How a model is read.

    @Test
    void hostAloneHasNoFlags() {
        assertSame(CpuModel.HOST, CpuModel.parse("host"));
    }

    @Test
    void flagsAreSortedByTheirSign() {
        CpuModel model = CpuModel.parse("host,-avx512f,+popcnt,-kvm-pv-ipi");

        assertEquals(List.of("popcnt"), model.plus());
        assertEquals(List.of("avx512f", "kvm-pv-ipi"), model.minus());
    }

    @Test
    void lastMentionOfAFlagCounts() {
        CpuModel model = CpuModel.parse("host,-avx,+avx");

        assertEquals(new CpuModel(List.of("avx"), List.of()), model);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "qemu64", "Host", "host,", "host,avx", "host,+", "host,,-avx", "max,-avx"})
    void otherFormsAreRefusedWithARemedy(String text) {
        VmException.Configuration e =
                assertThrows(VmException.Configuration.class, () -> CpuModel.parse(text));

        assertFalse(e.remedy().isEmpty());
    }

    @ParameterizedTest
    @CsvSource({"avx521f, avx512f", "sse4.1, sse4_1", "popcount, popcnt", "kvm-clock, kvmclock", "tsc-deadline-timer, tsc_deadline_timer"})
    void unknownFlagsSuggestTheNearest(String flag, String meant) {
        VmException.Configuration e =
                assertThrows(VmException.Configuration.class, () -> CpuModel.parse("host,-" + flag));

        assertEquals("CPU flag '" + flag + "' is unknown.", e.getMessage());
        assertTrue(e.remedy().startsWith("Did you mean '" + meant + "'?"), e.remedy());
    }

    @Test
    void unknownFlagsThatResembleNoneSuggestNothing() {
        assertNull(NearestName.find("quantum_leap", List.of("fpu", "avx")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"ht", "cmp_legacy", "osxsave", "ospke"})
    void flagsThatFollowFromOtherThingsAreRefused(String flag) {
        VmException.Configuration e =
                assertThrows(VmException.Configuration.class, () -> CpuModel.parse("host,-" + flag));

        assertEquals("CPU flag '" + flag + "' can't be changed.", e.getMessage());
    }

    // What flags do.

    @ParameterizedTest
    @CsvSource({
        "pni, 0x1, 0, ECX, 0",
        "hypervisor, 0x1, 0, ECX, 31",
        "clflushopt, 0x7, 0, EBX, 23",
        "umip, 0x7, 0, ECX, 2",
        "fsrm, 0x7, 0, EDX, 4",
        "avx_vnni, 0x7, 1, EAX, 4",
        "xsaves, 0xd, 1, EAX, 3",
        "kvm-asyncpf, 0x40000001, 0, EAX, 4",
        "nx, 0x80000001, 0, EDX, 20",
        "lahf_lm, 0x80000001, 0, ECX, 0",
        "constant_tsc, 0x80000007, 0, EDX, 8",
        "ssbd, 0x7, 0, EDX, 31",
    })
    void minusClearsTheBitOfTheName(String flag, String function, int index, CpuidRegister register, int bit) {
        int leaf = (int) (long) Long.decode(function);
        CpuidEntries host = build(CpuidSample.INTEL, "host");
        CpuidEntries table = build(CpuidSample.INTEL, "host,-" + flag);

        assertEquals(1, host.get(leaf, index, register) >>> bit & 1, "before");
        assertEquals(0, table.get(leaf, index, register) >>> bit & 1, "after");
    }

    @Test
    void minusOfWhatIsNotThereChangesNothing() {
        CpuidEntry[] host = build(CpuidSample.AMD_PVM, "host").toArray();
        CpuidEntry[] flagged = build(CpuidSample.AMD_PVM, "host,-avx512f,-amx_tile,-vmx,-sgx").toArray();

        assertEquals(List.of(), CpuidSample.difference(host, flagged));
    }

    @Test
    void plusOfWhatIsThereChangesNothing() {
        CpuidEntry[] host = build(CpuidSample.INTEL, "host").toArray();
        CpuidEntry[] flagged = build(CpuidSample.INTEL, "host,+avx512f,+ibrs,+tsc_deadline_timer").toArray();

        assertEquals(List.of(), CpuidSample.difference(host, flagged));
    }

    @Test
    void plusOfWhatTheHostLacksIsRefused() {
        VmException.Configuration e = refused(CpuidSample.AMD_PVM, "host,+avx2");

        assertEquals("CPU flag 'avx2' is not supported by this host's KVM.", e.getMessage());
    }

    @Test
    void plusOfWhatAMinusTakesAwayIsRefused() {
        VmException.Configuration e = refused(CpuidSample.INTEL, "host,-xsave,+avx2");

        assertEquals("CPU flag 'avx2' needs a feature that another flag takes away.", e.getMessage());
    }

    @Test
    void minusTakesDependentsAway() {
        CpuidEntries table = build(CpuidSample.INTEL, "host,-avx512f");

        for (String flag : List.of("avx512f", "avx512vl", "avx512bw", "avx512_fp16", "avx512_bf16", "avx512_vbmi2")) {
            assertFalse(CpuFeatures.has(table, flag), flag);
        }
        for (String flag : List.of("avx2", "fma", "vaes", "amx_tile", "xsave")) {
            assertTrue(CpuFeatures.has(table, flag), flag);
        }
    }

    @Test
    void amdRepeatsWhatLeafOneLacks() {
        CpuidEntries table = build(CpuidSample.AMD, "host,-mmx");

        assertEquals(0, table.get(0x8000_0001, 0, CpuidRegister.EDX) & 1 << 23, "MMX");
        assertEquals(0, table.get(0x8000_0001, 0, CpuidRegister.EDX) & 1 << 22, "MMXEXT depends on it");
        assertEquals(1 << 24, table.get(0x8000_0001, 0, CpuidRegister.EDX) & 1 << 24, "FXSR stays");
    }

    // What came of them.

    @Test
    void flagsThatAHostHeedsAreNotWithoutEffect() {
        CpuModel model = CpuModel.parse("host,-avx512f,-ssbd,+popcnt");
        CpuidEntry[] answered = build(CpuidSample.INTEL, "host,-avx512f,-ssbd,+popcnt").toArray();

        assertEquals(List.of(), model.flagsWithoutEffect(answered));
    }

    @Test
    void flagsThatAHostDoesNotHeedAreNamedWithTheirSigns() {
        CpuModel model = CpuModel.parse("host,-avx512f,+popcnt,-umip,-rdrand,+avx2");
        CpuidEntry[] answered = build(CpuidSample.INTEL, "host,-popcnt,-rdrand").toArray();

        assertEquals(List.of("+popcnt", "-avx512f", "-umip"), model.flagsWithoutEffect(answered));
    }

    @Test
    void featureThatKvmDoesNotSupportButTheGuestSeesCannotBeTakenAway() {
        CpuModel model = CpuModel.parse("host,-popcnt");
        CpuidEntries answered = build(CpuidSample.AMD_PVM, "host,-popcnt");
        assertFalse(CpuFeatures.has(answered, "popcnt"));
        CpuidEntry features = answered.find(CpuidLeaf.FEATURES, 0);
        assertNotNull(features);
        features.ecx |= 1 << 23;

        assertEquals(List.of("-popcnt"), model.flagsWithoutEffect(answered.toArray()));
    }

    // Leaf 0xd.

    @Test
    void withoutAvx512ItsStateHasNoRoom() {
        CpuidEntries table = build(CpuidSample.INTEL, "host,-avx512f,-amx_tile");

        assertEquals(0x207, table.get(0xd, 0, CpuidRegister.EAX), "x87, SSE, AVX, PKRU");
        assertEquals(0xa88, table.get(0xd, 0, CpuidRegister.ECX), "PKRU stays where it is");
        assertEquals(576 + 256 + 8, table.get(0xd, 1, CpuidRegister.EBX), "the compacted form has no holes");
        for (int component : new int[] {5, 6, 7, 17, 18}) {
            assertNull(table.find(0xd, component));
        }
    }

    @Test
    void compactedFormAlignsWhatAsksForIt() {
        CpuidEntries table = build(CpuidSample.INTEL, "host,-pku");

        // x87, SSE and header 576, AVX 256, AVX-512 64 + 512 + 1024 = 2432; TILECFG 64 and TILEDATA 8192 at multiples of 64
        assertEquals(2432 + 64 + 8192, table.get(0xd, 1, CpuidRegister.EBX));
        assertEquals(0x2b00, table.get(0xd, 0, CpuidRegister.ECX));
    }

    @Test
    void flagsThatAreNoStateLeaveLeafDAsItWas() {
        CpuidEntry[] host = build(CpuidSample.INTEL, "host").toArray();
        CpuidEntry[] flagged = build(CpuidSample.INTEL, "host,-rdrand").toArray();

        List<String> difference = CpuidSample.difference(host, flagged);
        assertEquals(2, difference.size(), difference::toString);
    }

    @Test
    void withoutXsavecThereIsNoCompactedForm() {
        CpuidEntries table = build(CpuidSample.AMD, "host,-xsavec,-xsaves");

        assertEquals(0, table.get(0xd, 1, CpuidRegister.EBX));
        assertEquals(0b0101, table.get(0xd, 1, CpuidRegister.EAX), "xsaveopt and xgetbv1");
    }

    @Test
    void withoutXsaveThereIsNoLeafD() {
        CpuidEntries table = build(CpuidSample.INTEL, "host,-xsave");

        assertNull(table.find(0xd, 0));
        assertNull(table.find(0xd, 1));
        assertNull(table.find(0x1d, 0), "no tiles either");
        assertFalse(CpuFeatures.has(table, "avx"));
    }

    @Test
    void leafDOfAHostThatHidesXsaveIsLeftAlone() {
        CpuidEntries table = build(CpuidSample.AMD_PVM, "host,-umip");

        assertEquals(0xe7, table.get(0xd, 0, CpuidRegister.EAX));
    }

    // The table of names.

    @Test
    void everyWordHasUpTo32NamesAndEveryNameOneMeaning() {
        for (FeatureWord word : FeatureWord.ALL) {
            assertTrue(word.names().size() <= 32, word.toString());
        }
        for (FeatureWord word : FeatureWord.ALL) {
            for (String name : word.names()) {
                boolean severalBits = name.equals(FeatureWord.NO_NAME) || name.equals("kvmclock");
                assertTrue(severalBits || mentions(name) == 1, name);
            }
        }
    }

    private static int mentions(String name) {
        int count = 0;
        for (FeatureWord word : FeatureWord.ALL) {
            for (String other : word.names()) {
                count += other.equals(name) ? 1 : 0;
            }
        }
        return count;
    }

    @ParameterizedTest
    @CsvSource({
        "pbe, 0x1, 0, EDX, 31",
        "avx512vl, 0x7, 0, EBX, 31",
        "sgx_lc, 0x7, 0, ECX, 30",
        "spec_ctrl_ssbd, 0x7, 0, EDX, 31",
        "lam, 0x7, 1, EAX, 26",
        "prefetchiti, 0x7, 1, EDX, 14",
        "kvmclock-stable-bit, 0x40000001, 0, EAX, 24",
        "3dnow, 0x80000001, 0, EDX, 31",
        "mwaitx, 0x80000001, 0, ECX, 29",
        "brs, 0x80000008, 0, EBX, 31",
        "svme_addr_chk, 0x8000000a, 0, EDX, 28",
        "srso_bp_spec_reduce, 0x80000021, 0, EAX, 31",
    })
    void lastNameOfAWordIsWhereLinuxHasIt(String name, String function, int index, CpuidRegister register, int bit) {
        FeatureWord word = FeatureWord.ALL.stream()
                .filter(w -> w.function() == (int) (long) Long.decode(function)
                        && w.index() == index
                        && w.register() == register)
                .findFirst()
                .orElseThrow();

        assertEquals(bit, word.names().indexOf(name));
        assertEquals(name, word.names().getLast());
    }
}
