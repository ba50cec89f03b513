// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.RawImage;
import dev.isthmus.block.qcow2.Qcow2Image;
import dev.isthmus.block.qcow2.Qcow2Info;
import dev.isthmus.block.qcow2.Qcow2Snapshot;
import dev.isthmus.block.qcow2.Qcow2Snapshots;
import dev.isthmus.machine.block.HostImageFile;
import dev.isthmus.testing.block.CrashModel;
import dev.isthmus.testing.block.CrashPlan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A process that writes, discards, zeroes, flushes, resizes and takes snapshots through the backends of the machine is
 * killed with SIGKILL at seeded points, each time with an image of each kind open. What it leaves, qemu-img finds without
 * corruption, and both qemu-img and Isthmus read what was flushed, or what was written later. The system property
 * {@code isthmus.crash.kills} says how often.
 */
class KilledWriterIT {
    private static final long SEED = 20_261_122;
    private static final int KILLS = Integer.getInteger("isthmus.crash.kills", 30);
    private static final int OPERATIONS_MAX = 1500;
    private static final Duration TOOL_DEADLINE = Duration.ofMinutes(1);

    /** For one start of the writer, to its death. */
    private static final Duration WRITER_DEADLINE = Duration.ofMinutes(2);

    /** qemu-img check: nothing wrong. */
    private static final int CHECK_CLEAN = 0;

    /** qemu-img check: clusters are lost, but no data is. */
    private static final int CHECK_LEAKS = 3;

    @TempDir
    Path templates;

    @TempDir
    Path folder;

    @Test
    @Timeout(1800)
    void whatWasFlushedSurvivesTheWriterAndTheImageIsSound() throws Exception {
        CrashImage.makeAll(templates);
        SplittableRandom random = new SplittableRandom(SEED);
        for (int kill = 0; kill < KILLS; kill++) {
            CrashImage.copyAll(templates, folder);
            long seed = random.nextLong();
            int[] ended = killedAfter(1 + random.nextInt(OPERATIONS_MAX), seed);
            for (CrashImage image : CrashImage.values()) {
                try {
                    verify(image, seed, ended[image.number()], kill % 2 == 0);
                } catch (AssertionError | RuntimeException e) {
                    throw new AssertionError("kill " + kill + ", " + image + " after " + ended[image.number()], e);
                }
            }
        }
    }

    /** Has the writer end so many operations, and kills it; returns how many have ended for each image. */
    private int[] killedAfter(int operations, long seed) throws IOException, InterruptedException {
        List<String> arguments = List.of(folder.toString(), Long.toString(seed));
        Path errors = folder.resolve("writer.txt");
        int[] ended = new int[CrashImage.values().length];
        String writerClass = CrashWriter.class.getName();
        try (ChildProgram writer = ChildProgram.startJava(WRITER_DEADLINE, errors, writerClass, arguments)) {
            DataInputStream report = new DataInputStream(writer.output());
            for (int i = 0; i < operations; i++) {
                readRecord(report, ended);
            }
            writer.kill();
            while (true) {
                readRecord(report, ended);
            }
        } catch (EOFException e) {
            // A writer that failed by itself has said why.
            assertEquals("", Files.readString(errors));
            return ended;
        } catch (AssertionError e) {
            throw new AssertionError("standard error: " + Files.readString(errors), e);
        }
    }

    private static void readRecord(DataInputStream report, int[] ended) throws IOException {
        int image = report.readInt();
        ended[image] = report.readInt();
    }

    /** Looks at an image for which so many operations have ended, and one more may have begun or ended. */
    private void verify(CrashImage image, long seed, int ended, boolean repairedByQemu) throws Exception {
        CrashModel model = image.newModel();
        CrashPlan plan = image.plan(seed, model);
        for (int i = 0; i < ended; i++) {
            plan.next().tell(model, true);
        }
        plan.next().tell(model, false);
        String file = folder.resolve(image.file()).toString();
        if (image.format.equals("qcow2")) {
            verifySoundness(image, file, repairedByQemu);
        }
        String copy = folder.resolve("copy.raw").toString();
        HostTool.succeed("qemu-img", "convert", "-f", image.format, "-O", "raw", file, copy);
        try (BlockBackend asQemuReadsIt = new RawImage(HostImageFile.open(Path.of(copy), true, "copy"), "copy")) {
            model.allowed().assertHeldBy(asQemuReadsIt);
        }
        try (BlockBackend disk = image.open(folder)) {
            model.allowed().assertHeldBy(disk);
            if (disk instanceof Qcow2Image qcow2) {
                verifySnapshots(qcow2, model);
            }
        }
    }

    private void verifySoundness(CrashImage image, String file, boolean repairedByQemu) throws Exception {
        boolean dirty;
        try (HostImageFile header = HostImageFile.open(Path.of(file), true, file)) {
            dirty = Qcow2Info.read(header).dirty();
        }
        if (dirty) {
            // Refcounts are known to be wrong: whoever opens the image for writing repairs it first, we or QEMU.
            if (repairedByQemu) {
                HostTool.run(TOOL_DEADLINE, "qemu-img", "check", "-q", "-f", "qcow2", "-r", "all", file);
            } else {
                image.open(folder).close();
            }
        }
        HostTool check = HostTool.run(TOOL_DEADLINE, "qemu-img", "check", "-f", "qcow2", file);
        // A repair leaves no leaks either.
        assertTrue(check.status() == CHECK_CLEAN || (check.status() == CHECK_LEAKS && !dirty), check::output);
    }

    private static void verifySnapshots(Qcow2Image disk, CrashModel model) {
        Qcow2Snapshots snapshots = new Qcow2Snapshots(disk);
        List<String> names = new ArrayList<>();
        for (Qcow2Snapshot snapshot : snapshots.list()) {
            names.add(snapshot.name());
            snapshots.apply(snapshot.id());
            model.snapshot(snapshot.name()).assertHeldBy(disk);
        }
        model.assertStableSnapshotsAmong(names);
    }
}
