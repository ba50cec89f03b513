// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.block.ImageException;
import dev.isthmus.testing.block.ChannelImageFile;
import dev.isthmus.testing.block.QemuTools;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Seeded damages to metadata: our check and QEMU's come to the same numbers, and so do the repairs. */
class Qcow2CheckPeerTest {
    private static final String IMAGE = "disk.qcow2";

    @TempDir
    Path folder;

    @BeforeAll
    static void needsQemu() {
        QemuTools.require();
    }

    @ParameterizedTest
    @CsvSource({
        "1, 'compat=1.1,cluster_size=4096', 50",
        "2, 'compat=0.10,cluster_size=4096', 30",
        "3, 'compat=1.1,cluster_size=512,refcount_bits=1', 30",
        "4, 'compat=1.1,cluster_size=512,refcount_bits=64', 30",
        "5, 'compat=1.1,cluster_size=65536', 30"
    })
    void damagedImageGetsTheSameVerdict(int seed, String options, int damages) throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        QemuTools qemu = new QemuTools(folder);
        byte[] sound = soundImage(qemu, options, !options.contains("refcount_bits=1"));
        List<Integer> metadata = metadataOffsets(sound);
        for (int i = 0; i < damages; i++) {
            byte[] damaged = damage(sound, metadata, random);
            Files.write(folder.resolve(IMAGE), damaged);
            compareVerdicts(qemu, i);
            if (i % 5 == 0) {
                compareRepairs(qemu, damaged, i);
            }
        }
    }

    private byte[] soundImage(QemuTools qemu, String options, boolean snapshots) throws IOException {
        qemu.img("create", "-q", "-f", "qcow2", "-o", options, "data.qcow2", "3M");
        qemu.io("qcow2", "data.qcow2", List.of("write -P 1 0 300k", "write -P 2 1M 64k", "write -P 3 2500k 4k"));
        qemu.img("convert", "-c", "-f", "qcow2", "-O", "qcow2", "-o", options, "data.qcow2", IMAGE);
        qemu.io("qcow2", IMAGE, List.of("write -P 4 100k 100k", "write -P 5 2M 128k", "discard 2M 32k"));
        if (snapshots) {
            qemu.img("snapshot", "-c", "first", IMAGE);
            qemu.io("qcow2", IMAGE, List.of("write -P 6 90k 60k", "write -P 7 2900k 20k"));
            qemu.img("snapshot", "-c", "second", IMAGE);
        }
        if (options.contains("1.1")) {
            qemu.io("qcow2", IMAGE, List.of("write -z 2050k 30k", "write -z -u 2700k 64k"));
        }
        return Files.readAllBytes(folder.resolve(IMAGE));
    }

    /** Returns where the entries of all tables are. */
    private static List<Integer> metadataOffsets(byte[] image) {
        ByteBuffer bytes = ByteBuffer.wrap(image);
        int clusterBytes = 1 << bytes.getInt(20);
        TreeSet<Integer> offsets = new TreeSet<>();
        int l1Offset = (int) bytes.getLong(40);
        addTable(offsets, image, l1Offset, bytes.getInt(36), clusterBytes);
        addTable(offsets, image, (int) bytes.getLong(48), bytes.getInt(56) * clusterBytes / 8, clusterBytes);
        for (int i = 0; i < 80 && bytes.getInt(60) > 0; i += 8) {
            offsets.add((int) bytes.getLong(64) + i);
        }
        return new ArrayList<>(offsets);
    }

    private static void addTable(
            Set<Integer> offsets, byte[] image, int tableOffset, int entries, int clusterBytes) {
        ByteBuffer bytes = ByteBuffer.wrap(image);
        for (int i = 0; i < entries; i++) {
            int child = (int) (bytes.getLong(tableOffset + i * 8) & 0xFFFFFE00L);
            if (child != 0 || i < 2) {
                offsets.add(tableOffset + i * 8);
            }
            for (int at = 0; child != 0 && at < clusterBytes && child + at + 8 <= image.length; at += 8) {
                if (bytes.getLong(child + at) != 0 || at < 32) {
                    offsets.add(child + at);
                }
            }
        }
    }

    private static byte[] damage(byte[] sound, List<Integer> metadata, SplittableRandom random) {
        byte[] damaged = sound.clone();
        ByteBuffer bytes = ByteBuffer.wrap(damaged);
        for (int left = 1 + random.nextInt(3); left > 0; left--) {
            int offset = metadata.get(random.nextInt(metadata.size()));
            long old = bytes.getLong(offset);
            long other = bytes.getLong(metadata.get(random.nextInt(metadata.size())));
            bytes.putLong(offset, switch (random.nextInt(6)) {
                case 0 -> 0;
                case 1 -> other;
                case 2 -> old ^ (1L << 63);
                case 3 -> old ^ (1L << random.nextInt(64));
                case 4 -> old + (512L << random.nextInt(12));
                default -> (old & ~0xFFFFFFL) | (random.nextInt(1 << 24) & ~511);
            });
        }
        return damaged;
    }

    private void compareVerdicts(QemuTools qemu, int number) {
        QemuTools.Answer answer = qemu.run("check", "-f", "qcow2", "--output=json", IMAGE);
        String what = "damage " + number + ": " + answer;
        try (ChannelImageFile file = new ChannelImageFile(folder.resolve(IMAGE), true)) {
            Qcow2CheckResult result = Qcow2Checker.check(file, Qcow2Checker.Repair.NONE);
            String all = what + result;
            if (answer.status() == 1 && !answer.text().contains("check-errors")) {
                assertEquals(true, result.checkErrors() > 0, all);
                return;
            }
            assertEquals(answer.number("corruptions"), result.corruptions(), all);
            assertEquals(answer.number("leaks"), result.leaks(), all);
            assertEquals(answer.number("check-errors"), result.checkErrors(), all);
            assertEquals(answer.number("image-end-offset"), result.imageEndOffset(), all);
            assertEquals(answer.number("total-clusters"), result.totalClusters(), all);
            assertEquals(answer.number("allocated-clusters"), result.allocatedClusters(), all);
            assertEquals(answer.number("fragmented-clusters"), result.fragmentedClusters(), all);
            assertEquals(answer.number("compressed-clusters"), result.compressedClusters(), all);
        } catch (ImageException e) {
            assertEquals(1, answer.status(), what + e.getMessage());
        }
    }

    private void compareRepairs(QemuTools qemu, byte[] damaged, int number) throws IOException {
        Files.write(folder.resolve("theirs.qcow2"), damaged);
        int theirs = qemu.run("check", "-f", "qcow2", "-r", "all", "theirs.qcow2").status();
        theirs = theirs == 1 ? 1 : qemu.run("check", "-f", "qcow2", "theirs.qcow2").status();
        String ours;
        try (ChannelImageFile file = new ChannelImageFile(folder.resolve(IMAGE), false)) {
            ours = Qcow2Checker.check(file, Qcow2Checker.Repair.ALL).toString();
        } catch (ImageException e) {
            ours = String.valueOf(e.getMessage());
        }
        QemuTools.Answer after = qemu.run("check", "-f", "qcow2", IMAGE);
        String said = ours;
        // Where theirs fails half-way, ours may do better.
        assertEquals(theirs == 1 ? after.status() : theirs, after.status(), () -> "repair " + number + ": " + said + after);
    }
}
