// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.testing.block.ChannelImageFile;
import dev.isthmus.testing.block.FolderImages;
import dev.isthmus.testing.block.QemuTools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Images that QEMU's tools made, read and written by us, and the other way round. */
class Qcow2ForeignImageTest {
    private static final int SECTOR = 512;

    @TempDir
    Path folder;

    private QemuTools qemu = new QemuTools(Path.of("."));
    private FolderImages images = new FolderImages(Path.of("."), null);

    @BeforeAll
    static void needsQemu() {
        QemuTools.require();
    }

    private void useFolder() {
        qemu = new QemuTools(folder);
        images = new FolderImages(folder, null);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "compat=0.10,cluster_size=512",
        "compat=1.1,cluster_size=512,refcount_bits=1",
        "compat=1.1,cluster_size=4096,refcount_bits=8,lazy_refcounts=on",
        "compat=1.1,cluster_size=65536",
        "compat=1.1,cluster_size=2M,refcount_bits=64",
        "compat=1.1,cluster_size=65536,preallocation=metadata",
        "compat=1.1,cluster_size=65536,data_file=data.bin",
        "compat=1.1,cluster_size=65536,data_file=data.bin,data_file_raw=on"
    })
    void imageIsWrittenByTurns(String options) throws Exception {
        useFolder();
        int capacity = 3 << 20;
        qemu.img("create", "-q", "-f", "qcow2", "-o", options, "disk.qcow2", Integer.toString(capacity));
        DiskModel model = new DiskModel(capacity);
        SplittableRandom random = new SplittableRandom(options.hashCode());
        if (!options.contains("data_file") && !options.contains("preallocation") && !options.contains("2M")) {
            compress(model);
        }
        for (int turn = 0; turn < 3; turn++) {
            qemu.io("qcow2", "disk.qcow2", theirTurn(model, random));
            try (Qcow2Image disk = images.open("disk.qcow2", false)) {
                model.checkAll(disk);
                ourTurn(disk, model, random);
            }
            QemuTools.Answer answer = qemu.run("check", "-f", "qcow2", "disk.qcow2");
            assertEquals(0, answer.status(), answer::text);
            qemu.img("convert", "-f", "qcow2", "-O", "raw", "disk.qcow2", "disk.raw");
            model.checkFile(folder.resolve("disk.raw"));
            if (options.contains("data_file_raw")) {
                model.checkFile(folder.resolve("data.bin"));
            }
        }
    }

    /** They compress only where nothing was written before. */
    private void compress(DiskModel model) {
        byte[] data = new byte[1 << 19];
        Arrays.fill(data, (byte) 0xC0);
        qemu.io("qcow2", "disk.qcow2", List.of("write -c -P 0xc0 512k 512k"));
        model.put(1 << 19, data);
    }

    private static List<String> theirTurn(DiskModel model, SplittableRandom random) {
        List<String> commands = new ArrayList<>();
        for (int i = 0; i < 25; i++) {
            int first = random.nextInt(model.bytes.length / SECTOR - 64);
            int offset = first * SECTOR;
            int lengthBytes = (1 + random.nextInt(63)) * SECTOR;
            int pattern = 1 + random.nextInt(255);
            byte[] data = new byte[lengthBytes];
            if (random.nextInt(4) == 0) {
                commands.add("write -z " + offset + " " + lengthBytes);
            } else {
                Arrays.fill(data, (byte) pattern);
                commands.add("write -P " + pattern + " " + offset + " " + lengthBytes);
            }
            model.put(offset, data);
        }
        return commands;
    }

    private static void ourTurn(Qcow2Image disk, DiskModel model, SplittableRandom random) {
        for (int i = 0; i < 60; i++) {
            int first = random.nextInt(model.bytes.length / SECTOR - 64);
            int offset = first * SECTOR;
            int lengthBytes = (1 + random.nextInt(63)) * SECTOR;
            switch (random.nextInt(6)) {
                case 0 -> assertEquals(BlockStatus.OK, model.zero(disk, offset, lengthBytes, random.nextBoolean()));
                case 1 -> assertEquals(BlockStatus.OK, model.discard(disk, offset, lengthBytes));
                case 2 -> assertEquals(BlockStatus.OK, disk.flush());
                default -> assertEquals(BlockStatus.OK, model.write(disk, random, offset, lengthBytes));
            }
        }
        model.checkAll(disk);
    }

    @ParameterizedTest
    @CsvSource({
        "raw, 1048576, 1.1, 65536",
        "raw, 5242880, 1.1, 4096",
        "qcow2, 1049088, 1.1, 65536",
        "qcow2, 5242880, 1.1, 512",
        "qcow2, 1048576, 0.10, 4096"
    })
    void backingImageShowsThrough(String format, int backingBytes, String compat, int clusterBytes) throws Exception {
        useFolder();
        int capacity = 3 << 20;
        qemu.img("create", "-q", "-f", format, "base." + format, Integer.toString(backingBytes));
        DiskModel base = new DiskModel(backingBytes);
        SplittableRandom random = new SplittableRandom(backingBytes);
        List<String> commands = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            int offset = random.nextInt(backingBytes / SECTOR - 64) * SECTOR;
            byte[] data = new byte[64 * SECTOR];
            Arrays.fill(data, (byte) (i + 1));
            commands.add("write -P " + (i + 1) + " " + offset + " " + data.length);
            base.put(offset, data);
        }
        qemu.io(format, "base." + format, commands);
        qemu.img("create", "-q", "-f", "qcow2", "-o", "compat=" + compat + ",cluster_size=" + clusterBytes,
                "-b", "base." + format, "-F", format, "disk.qcow2", Integer.toString(capacity));
        DiskModel model = new DiskModel(capacity);
        model.put(0, Arrays.copyOf(base.bytes, Math.min(capacity, backingBytes)));
        try (Qcow2Image disk = images.open("disk.qcow2", false)) {
            model.checkAll(disk);
            for (int i = 0; i < 150; i++) {
                int offset = random.nextInt(capacity / SECTOR - 64) * SECTOR;
                int lengthBytes = (1 + random.nextInt(63)) * SECTOR;
                switch (random.nextInt(5)) {
                    case 0 -> assertEquals(BlockStatus.OK, model.zero(disk, offset, lengthBytes, random.nextBoolean()));
                    case 1 -> {
                        BlockStatus expected = disk.canDiscard() ? BlockStatus.OK : BlockStatus.UNSUPPORTED;
                        assertEquals(expected, model.discard(disk, offset, lengthBytes));
                    }
                    default -> assertEquals(BlockStatus.OK, model.write(disk, random, offset, lengthBytes));
                }
            }
            model.checkAll(disk);
            assertEquals(BlockStatus.OK, model.resize(disk, 2 << 20));
            assertEquals(BlockStatus.OK, model.resize(disk, 6 << 20));
            model.checkAll(disk);
        }
        assertEquals(0, qemu.run("check", "-f", "qcow2", "disk.qcow2").status());
        qemu.img("convert", "-f", "qcow2", "-O", "raw", "disk.qcow2", "disk.raw");
        model.checkFile(folder.resolve("disk.raw"));
    }

    @ParameterizedTest
    @ValueSource(ints = {512, 4096, 65536, 2097152})
    void compressedClustersAreReadByOthers(int clusterBytes) throws Exception {
        useFolder();
        int clusters = 12;
        int capacity = clusters * clusterBytes - 512 * (clusterBytes > 512 ? 1 : 0);
        DiskModel model = new DiskModel(capacity);
        SplittableRandom random = new SplittableRandom(clusterBytes);
        try (ChannelImageFile file = new ChannelImageFile(folder.resolve("disk.qcow2"), false)) {
            Qcow2Creator.create(file, new Qcow2CreateOptions(capacity).clusterBytes(clusterBytes), null);
        }
        try (Qcow2Image disk = images.open("disk.qcow2", false);
                Arena arena = Arena.ofConfined()) {
            for (int i = 0; i < clusters; i++) {
                byte[] data = new byte[Math.min(clusterBytes, capacity - i * clusterBytes)];
                fill(data, i, random);
                MemorySegment cluster = arena.allocate(data.length);
                cluster.copyFrom(MemorySegment.ofArray(data));
                assertEquals(BlockStatus.OK, disk.writeCompressed((long) i * clusterBytes, cluster));
                model.put(i * clusterBytes, data);
            }
            model.checkAll(disk);
            assertEquals(BlockStatus.OK, model.write(disk, random, clusterBytes / 512 / 2 * 512, 512));
            model.checkAll(disk);
        }
        QemuTools.Answer answer = qemu.run("check", "-f", "qcow2", "--output=json", "disk.qcow2");
        assertEquals(0, answer.status(), answer::text);
        assertTrue(answer.number("compressed-clusters") > 0, answer::text);
        qemu.img("convert", "-f", "qcow2", "-O", "raw", "disk.qcow2", "disk.raw");
        model.checkFile(folder.resolve("disk.raw"));
    }

    /** Clusters that pack well, badly, with repeats far apart, and not at all. */
    private static void fill(byte[] data, int kind, SplittableRandom random) {
        switch (kind % 4) {
            case 0 -> Arrays.fill(data, (byte) kind);
            case 1 -> {
                byte[] part = new byte[Math.min(data.length, 20_000)];
                random.nextBytes(part);
                for (int at = 0; at < data.length; at += part.length) {
                    System.arraycopy(part, 0, data, at, Math.min(part.length, data.length - at));
                }
            }
            case 2 -> {
                for (int at = 0; at < data.length; at++) {
                    data[at] = (byte) ((at >>> 4) % 7);
                }
            }
            default -> random.nextBytes(data);
        }
    }

    @Test
    void snapshotsGoBothWays() throws Exception {
        useFolder();
        qemu.img("create", "-q", "-f", "qcow2", "disk.qcow2", "2M");
        qemu.io("qcow2", "disk.qcow2", List.of("write -P 1 0 1M"));
        qemu.img("snapshot", "-c", "theirs", "disk.qcow2");
        qemu.io("qcow2", "disk.qcow2", List.of("write -P 2 512k 1M"));
        try (Qcow2Image disk = images.open("disk.qcow2", false)) {
            Qcow2Snapshots snapshots = new Qcow2Snapshots(disk);
            assertEquals("theirs", snapshots.list().getFirst().name());
            snapshots.create("ours", Instant.ofEpochSecond(1_000_000_000));
            snapshots.apply("theirs");
        }
        qemu.io("qcow2", "disk.qcow2", List.of("read -P 1 0 1M", "read -P 0 1M 1M"));
        String list = qemu.img("snapshot", "-l", "disk.qcow2");
        assertTrue(list.contains("ours") && list.contains("2001-09-09"), list);

        qemu.img("snapshot", "-a", "ours", "disk.qcow2");
        qemu.img("snapshot", "-d", "ours", "disk.qcow2");

        qemu.io("qcow2", "disk.qcow2", List.of("read -P 1 0 512k", "read -P 2 512k 1M"));
        try (Qcow2Image disk = images.open("disk.qcow2", false)) {
            new Qcow2Snapshots(disk).delete("theirs");
            Qcow2Amender.changeBacking(disk, "base.raw", "raw");
        }
        Files.write(folder.resolve("base.raw"), new byte[4096]);
        assertEquals(0, qemu.run("check", "disk.qcow2").status());
        String info = qemu.img("info", "disk.qcow2");
        assertTrue(info.contains("backing file: base.raw") && info.contains("backing file format: raw"), info);
    }

    @ParameterizedTest
    @ValueSource(strings = {"OFF", "METADATA", "FALLOC", "FULL"})
    void createdImageIsAsAskedFor(String preallocation) {
        useFolder();
        try (ChannelImageFile file = new ChannelImageFile(folder.resolve("disk.qcow2"), false)) {
            Qcow2Creator.create(
                    file,
                    new Qcow2CreateOptions((3 << 20) + 1)
                            .clusterBytes(16384)
                            .refcountBits(32)
                            .lazyRefcounts(true)
                            .preallocation(Qcow2CreateOptions.Preallocation.valueOf(preallocation)),
                    images);
        }
        String info = qemu.img("info", "--output=json", "disk.qcow2");
        assertTrue(info.contains("\"virtual-size\": " + ((3 << 20) + 512)), info);
        assertTrue(info.contains("\"cluster-size\": 16384") && info.contains("\"refcount-bits\": 32"), info);
        assertTrue(info.contains("\"lazy-refcounts\": true"), info);
        QemuTools.Answer answer = qemu.run("check", "--output=json", "disk.qcow2");
        assertEquals(0, answer.status(), answer::text);
        assertEquals("OFF".equals(preallocation) ? 0 : 193, answer.number("allocated-clusters"));
        new DiskModel((3 << 20) + 512).checkAll(images.open("disk.qcow2", true));
    }

    @Test
    void createdImageHasItsDataElsewhere() throws Exception {
        useFolder();
        Files.createFile(folder.resolve("data.bin"));
        try (ChannelImageFile file = new ChannelImageFile(folder.resolve("disk.qcow2"), false)) {
            Qcow2Creator.create(file, new Qcow2CreateOptions(1 << 20).dataFile("data.bin", true), images);
        }
        qemu.io("qcow2", "disk.qcow2", List.of("write -P 9 64k 64k"));
        try (Qcow2Image disk = images.open("disk.qcow2", false)) {
            DiskModel model = new DiskModel(1 << 20);
            byte[] nines = new byte[65536];
            Arrays.fill(nines, (byte) 9);
            model.put(65536, nines);
            model.checkAll(disk);
        }
        assertEquals(0, qemu.run("check", "disk.qcow2").status());
        assertEquals(1 << 20, Files.size(folder.resolve("data.bin")));
    }
}
