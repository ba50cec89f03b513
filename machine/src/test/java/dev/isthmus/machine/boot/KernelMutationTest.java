// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import dev.isthmus.machine.VmException;
import dev.isthmus.machine.boot.payload.Packer;
import dev.isthmus.machine.boot.payload.PayloadFormat;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.boot.Mutations;
import dev.isthmus.testing.boot.TestBzImage;
import dev.isthmus.testing.boot.TestElf;
import dev.isthmus.testing.memory.FakeGuestMemory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

/** Damaged kernels: each is loaded, or refused in one line; nothing else happens, and none takes long. */
class KernelMutationTest {
    private static final int MUTATIONS = 10_000;
    private static final long SEED = 20_261_122;
    private static final long MIB = 1L << 20;
    private static final int RAM_BYTES = (int) (8 * MIB);

    /** Far above what any takes, so that a busy machine does not fail; an endless loop or a huge fill does. */
    private static final Duration SLOWEST = Duration.ofSeconds(20);

    private static final byte[] CODE = Packer.programLike(4000, 1);

    @TempDir
    Path directory;

    private final GuestMemory memory = FakeGuestMemory.ofBytes(RAM_BYTES);
    private int loaded;
    private int refused;

    @Test
    void mutatedElfKernelsLoadOrAreRefused() throws Exception {
        byte[] image = new TestElf()
                .segment(MIB, CODE, 5000)
                .segment(2 * MIB, CODE, CODE.length)
                .build();

        run(image, null);
    }

    @Test
    void mutatedPvhKernelsLoadOrAreRefused() throws Exception {
        byte[] image = new TestElf()
                .segment(MIB, CODE, 5000)
                .note("GNU\0", 3, new byte[20])
                .pvhNote64(MIB)
                .build();

        run(image, Files.write(directory.resolve("initrd"), new byte[10_000]));
    }

    @Test
    void mutatedKernelsWithNotesInSectionsLoadOrAreRefused() throws Exception {
        run(new TestElf().segment(MIB, CODE, 5000).pvhNote(MIB).notesInSection().build(), null);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.MATCH_ANY, names = "GZIP|LZ4|ZSTD|XZ|LZMA")
    void mutatedBzImagesLoadOrAreRefused(PayloadFormat format) throws Exception {
        byte[] vmlinux = new TestElf()
                .segment(MIB, CODE, 5000)
                .segment(2 * MIB, CODE, 5000)
                .build();
        byte[] packed = Packer.pack(format, vmlinux);
        byte[] payload = format == PayloadFormat.GZIP ? packed : TestBzImage.withSize(packed, vmlinux.length);

        run(new TestBzImage(MIB, 2 * MIB).build(payload), null);
    }

    @Test
    void mutationDependsOnSeedAndNumberAlone() {
        byte[] image = TestElf.pvh(CODE);
        byte[] first = new Mutations(image, SEED).mutation(77);
        Mutations again = new Mutations(image, SEED);
        again.mutation(76);

        assertArrayEquals(first, again.mutation(77));
    }

    private void run(byte[] image, @Nullable Path initrd) throws Exception {
        Mutations mutations = new Mutations(image, SEED);
        Path file = directory.resolve("kernel");
        // Kept open: file systems flush a file to the disk that is truncated, written and closed.
        try (RandomAccessFile writer = new RandomAccessFile(file.toFile(), "rw")) {
            for (int i = 0; i < MUTATIONS; i++) {
                byte[] mutation = mutations.mutation(i);
                writer.seek(0);
                writer.write(mutation);
                writer.setLength(mutation.length);
                long startNanos = System.nanoTime();

                loadOrBeRefused(file, initrd, i);

                assertTrue(System.nanoTime() - startNanos < SLOWEST.toNanos(), "mutation " + i + " takes too long");
            }
        }
        assertEquals(MUTATIONS, loaded + refused);
        // Damage must do something, and not everything: else the mutations test nothing.
        assertTrue(loaded > MUTATIONS / 100 && refused > MUTATIONS / 100, loaded + " loaded, " + refused + " refused");
    }

    private void loadOrBeRefused(Path file, @Nullable Path initrd, int number) {
        try (Kernel kernel = KernelLoader.open(file, KernelFormat.AUTO, initrd)) {
            InitialCpuState state = kernel.place(memory, "quiet", 0);
            loaded++;
            assertTrue(state.rip() >= MIB && state.rip() < RAM_BYTES, "mutation " + number + " starts astray");
        } catch (VmException.Configuration e) {
            refused++;
            assertFalse(Messages.of(e).contains("\n"));
            assertFalse(e.remedy().isEmpty());
        } catch (RuntimeException | Error e) {
            fail("mutation " + number, e);
        }
    }
}
