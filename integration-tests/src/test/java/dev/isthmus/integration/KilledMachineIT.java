// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.RawImage;
import dev.isthmus.machine.block.HostImageFile;
import dev.isthmus.testing.block.CrashModel;
import dev.isthmus.testing.block.CrashPlan;
import dev.isthmus.testing.kvm.RequiresKvm;

import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * The whole program is killed with SIGKILL at seeded points while a guest writes to several disks, through each engine.
 * What a disk holds then is what the guest flushed, or what it wrote later, and qemu-img finds images without corruption.
 * The system property {@code isthmus.crash.boots} says how often.
 */
@RequiresKvm
class KilledMachineIT {
    private static final long SEED = 20_261_123;
    private static final int BOOTS = Integer.getInteger("isthmus.crash.boots", 60);
    private static final int FLUSHES_MAX = 60;
    private static final int SECTORS = 2048;
    private static final Duration TOOL_DEADLINE = Duration.ofMinutes(1);

    /** For one start of the program, to its death. */
    private static final Duration BOOT_DEADLINE = Duration.ofMinutes(4);

    private static final String MAIN_CLASS = "dev.isthmus.vmm.command.Main";

    /** As crash.c has them. */
    private static final int BATCH_MAX = 8;

    private static final int SECTORS_MAX = 16;
    private static final int KINDS = 8;
    private static final int BATCHES_A_FLUSH = 3;

    /** How far the guest can have come, in flushes, while the host still had to hand out what it printed. */
    private static final int FLUSHES_AHEAD = 200;

    /** qemu-img check: clusters are lost, but no data is. */
    private static final int CHECK_LEAKS = 3;

    private static final int KIND_DISCARD = 0;
    private static final int KIND_ZEROES = 1;

    /** All backed images are based on it; its sectors hold a number that no batch has. */
    private static final String BASE = "base.raw";

    private static final int BASE_NUMBER = 1;

    /** The guest's disks: an image's format, its engine, and whether it is based on another. */
    private enum Disk {
        RAW_THREADS("raw", "threads", false),
        QCOW2_THREADS("qcow2", "threads", true),
        RAW_IO_URING("raw", "io_uring", false),
        QCOW2_IO_URING("qcow2", "io_uring", true);

        final String format;
        final String engine;
        final boolean backed;

        Disk(String format, String engine, boolean backed) {
            this.format = format;
            this.engine = engine;
            this.backed = backed;
        }

        Path in(Path folder) {
            return folder.resolve(name() + "." + format);
        }
    }

    private static final Disk[] DISKS = Disk.values();

    @TempDir
    Path templates;

    @TempDir
    Path folder;

    @Test
    @Timeout(3600)
    void whatTheGuestFlushedSurvivesTheProgramAndTheImagesAreSound() throws Exception {
        makeTemplates();
        SplittableRandom random = new SplittableRandom(SEED);
        for (int boot = 0; boot < BOOTS; boot++) {
            Files.copy(templates.resolve(BASE), folder.resolve(BASE), StandardCopyOption.REPLACE_EXISTING);
            for (Disk disk : DISKS) {
                Files.copy(disk.in(templates), disk.in(folder), StandardCopyOption.REPLACE_EXISTING);
            }
            int seed = random.nextInt(Integer.MAX_VALUE);
            int[] flushes = killedAfter(1 + random.nextInt(FLUSHES_MAX), seed);
            for (int i = 0; i < DISKS.length; i++) {
                try {
                    verify(DISKS[i], seed + i, flushes[i]);
                } catch (AssertionError | RuntimeException e) {
                    throw new AssertionError("boot " + boot + ", " + DISKS[i] + " after " + flushes[i], e);
                }
            }
        }
    }

    private void makeTemplates() throws IOException, InterruptedException {
        String sizeBytes = Long.toString((long) SECTORS * CrashModel.SECTOR_BYTES);
        Path base = templates.resolve(BASE);
        HostTool.succeed("qemu-img", "create", "-q", "-f", "raw", base.toString(), sizeBytes);
        try (BlockBackend disk = new RawImage(HostImageFile.open(base, false, BASE), BASE)) {
            CrashPlan.write(disk, 0, SECTORS, BASE_NUMBER);
        }
        for (Disk disk : DISKS) {
            List<String> command = new ArrayList<>(List.of("qemu-img", "create", "-q", "-f", disk.format));
            if (disk.backed) {
                command.addAll(List.of("-b", BASE, "-F", "raw"));
            }
            command.addAll(List.of(disk.in(templates).toString(), sizeBytes));
            HostTool.succeed(command.toArray(new String[0]));
        }
    }

    /** Has the guest end so many flushes, and kills its host; returns how many have ended for each disk. */
    private int[] killedAfter(int flushes, int seed) throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(List.of(
                "run",
                "--kernel",
                DriverGuest.elf().toString(),
                "--memory",
                "64M",
                "--cmdline",
                "crash discards=1 zeroes=1 seed=" + seed + " before=" + BASE_NUMBER + " disks=" + DISKS.length));
        for (Disk disk : DISKS) {
            arguments.add("--disk");
            arguments.add("path=" + disk.in(folder) + ",format=" + disk.format + ",aio=" + disk.engine + ",discard=on");
        }
        Path errors = folder.resolve("errors.txt");
        int[] ended = new int[DISKS.length];
        int left = flushes;
        try (ChildProgram program = ChildProgram.startJava(BOOT_DEADLINE, errors, MAIN_CLASS, arguments)) {
            program.awaitLine("begin");
            InputStream serial = program.output();
            for (int next = serial.read(); next >= 0; next = serial.read()) {
                if (next >= '0' && next < '0' + ended.length) {
                    ended[next - '0']++;
                    if (--left == 0) {
                        program.kill();
                    }
                }
            }
            assertTrue(left <= 0, () -> "ended by itself: " + program);
        } catch (AssertionError e) {
            throw new AssertionError("standard error: " + Files.readString(errors), e);
        }
        return ended;
    }

    private void verify(Disk disk, long seed, int flushes) throws Exception {
        CrashModel model = new CrashModel(SECTORS, SECTORS, disk.backed ? BASE_NUMBER : 0);
        replay(model, new SplittableRandom(seed), flushes);
        String file = disk.in(folder).toString();
        if (disk.format.equals("qcow2")) {
            HostTool check = HostTool.run(TOOL_DEADLINE, "qemu-img", "check", "-f", "qcow2", file);
            assertTrue(check.status() == 0 || check.status() == CHECK_LEAKS, check::output);
        }
        String copy = folder.resolve("copy.raw").toString();
        HostTool.succeed("qemu-img", "convert", "-f", disk.format, "-O", "raw", file, copy);
        try (BlockBackend held = new RawImage(HostImageFile.open(Path.of(copy), true, "copy"), "copy")) {
            model.allowed().assertHeldBy(held);
        }
    }

    /** Does to a model what crash.c does to a disk: up to a flush for certain, and then what it may have done. */
    private static void replay(CrashModel model, SplittableRandom random, int flushes) {
        int flushed = 0;
        for (int number = BASE_NUMBER + 1; flushed < flushes + FLUSHES_AHEAD; number++) {
            int count = 1 + below(random, BATCH_MAX);
            int sectors = 1 + below(random, SECTORS_MAX);
            int first = below(random, SECTORS - count * sectors + 1);
            switch (below(random, KINDS)) {
                case KIND_DISCARD -> model.discarded(first, count * sectors);
                case KIND_ZEROES -> model.written(first, count * sectors, 0);
                default -> model.written(first, count * sectors, number);
            }
            if (below(random, BATCHES_A_FLUSH) == 0) {
                flushed++;
                if (flushed <= flushes) {
                    model.flushed();
                }
            }
        }
    }

    /** As random.h has it; the generator behind it is the same. */
    private static int below(SplittableRandom random, int bound) {
        return (int) (((random.nextLong() >>> 32) * bound) >>> 32);
    }
}
