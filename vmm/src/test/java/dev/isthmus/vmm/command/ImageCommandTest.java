// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.testing.block.QemuTools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** {@code isthmus image} beside qemu-img: whatever one of them makes, the other one agrees with. */
class ImageCommandTest extends ImageCommandKit {
    /**
     * The lines of JSON without their order, commas and paths of the folder; and without the storage that files take,
     * which file systems decide on later.
     */
    private List<String> fields(String json) {
        return json.lines()
                .filter(line -> !line.contains("actual-size"))
                .map(line -> line.replace(folder + "/", "").replaceAll(",$", ""))
                .sorted()
                .toList();
    }

    private void assertSameInfo(String... options) throws Exception {
        List<String> ours = new ArrayList<>(List.of("info", "--json"));
        List<String> theirs = new ArrayList<>(List.of("info", "--output=json"));
        for (String option : options) {
            ours.add(option.startsWith("-") ? option : "./" + option);
            theirs.add(option.startsWith("-") ? option : folder.resolve(option).toString());
        }
        QemuTools.Answer expected = qemu.run(theirs.toArray(new String[0]));

        QemuTools.Answer told = new QemuTools.Answer(0, image(ours.toArray(new String[0])).text());

        assertEquals(fields(expected.text()), fields(told.text()));
        assertSameStorage(expected, told);
    }

    private static void assertSameStorage(QemuTools.Answer theirs, QemuTools.Answer ours) {
        long difference = theirs.number("actual-size") - ours.number("actual-size");
        assertTrue(Math.abs(difference) <= STORAGE_SLACK_BYTES, () -> theirs + " and " + ours);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "compat=1.1", "compat=0.10", "cluster_size=4k", "cluster_size=2M,refcount_bits=1", "refcount_bits=64,lazy_refcounts=on",
        "compression_type=zstd", "preallocation=metadata", "preallocation=falloc", "preallocation=full", "data_file=data",
        "data_file=data,data_file_raw=on"
    })
    void madeImageIsAsQemuImgMakesIt(String options) throws Exception {
        done("create", "-f", "qcow2", "-o", options, "./ours.qcow2", "6M");
        qemu.img("create", "-q", "-f", "qcow2", "-o", options.replace("data_file=data", "data_file=other"), "theirs.qcow2", "6M");

        assertSound("ours.qcow2");
        assertSame("ours.qcow2", "qcow2", "theirs.qcow2", "qcow2");
        assertSameInfo("ours.qcow2");
        assertSameInfo("theirs.qcow2");
        assertEquals(
                qemu.run("info", "--output=json", "theirs.qcow2").number("virtual-size"),
                qemu.run("info", "--output=json", "ours.qcow2").number("virtual-size"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"off", "falloc", "full"})
    void madeRawImageHasItsSizeAndStorage(String preallocation) throws Exception {
        done("create", "-o", "preallocation=" + preallocation, "./disk.raw", "6M");

        QemuTools.Answer info = qemu.run("info", "--output=json", "-f", "raw", "disk.raw");
        assertEquals(SIZE, info.number("virtual-size"));
        assertEquals(!preallocation.equals("off"), info.number("actual-size") >= SIZE);
        assertSameInfo("disk.raw");
    }

    @Test
    void imageIsMadeOverABaseOfItsSize() throws Exception {
        makeRaw("base.raw", 1);
        done("create", "-f", "qcow2", "-b", "base.raw", "-F", "raw", "./middle.qcow2");
        done("create", "-f", "qcow2", "-b", "middle.qcow2", "./top.qcow2");

        assertSound("top.qcow2");
        assertSame("base.raw", "raw", "top.qcow2", "qcow2");
        assertSameInfo("--backing-chain", "top.qcow2");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "raw|preallocation=off|",
        "qcow2|compat=1.1|",
        "qcow2|compat=0.10|",
        "qcow2|compression_type=zlib|-c",
        "qcow2|compression_type=zstd|-c",
        "qcow2|data_file=data|",
        "vmdk|subformat=monolithicSparse|",
        "vmdk|subformat=monolithicFlat|",
        "vmdk|subformat=streamOptimized|",
        "vmdk|subformat=twoGbMaxExtentSparse|",
        "vmdk|subformat=twoGbMaxExtentFlat|",
        "vdi|static=off|",
        "vdi|static=on|",
        "vhdx|subformat=dynamic|",
        "vhdx|subformat=fixed|"
    })
    void diskOfEveryFormatIsConverted(String format, String options, String compress) throws Exception {
        makeRaw("disk.raw", 2);
        List<String> arguments = new ArrayList<>(List.of("convert", "-f", "raw", "-O", format, "-o", options));
        if (compress != null) {
            arguments.add(compress);
        }
        arguments.addAll(List.of("disk.raw", "disk.img"));
        qemu.img(arguments.toArray(new String[0]));

        done("convert", "-f", format, "-O", "raw", "./disk.img", "./plain");
        done("convert", "-f", format, "-O", "qcow2", "./disk.img", "./new.qcow2");
        done("convert", "-f", format, "-O", "qcow2", "-c", "-o", "compression_type=zstd", "./disk.img", "./zstd.qcow2");
        done("convert", "-f", format, "-O", "qcow2", "-c", "-S", "512", "./disk.img", "./zlib.qcow2");

        assertSame("disk.raw", "raw", "plain", "raw");
        for (String made : List.of("new.qcow2", "zstd.qcow2", "zlib.qcow2")) {
            assertSound(made);
            assertSame("disk.raw", "raw", made, "qcow2");
        }
        long plainBytes = qemu.run("info", "--output=json", "-f", "raw", "plain").number("actual-size");
        assertTrue(plainBytes < SIZE, () -> "holes stay holes: " + plainBytes);
    }

    @ParameterizedTest
    @CsvSource({"vmdk", "vdi", "vhdx"})
    void foreignImageIsToldOfAsQemuImgDoes(String format) throws Exception {
        makeRaw("disk.raw", 2);
        qemu.img("convert", "-f", "raw", "-O", format, "disk.raw", "disk.img");

        String ours = image("info", "--json", "./disk.img").text();

        QemuTools.Answer theirs = qemu.run("info", "--output=json", "disk.img");
        QemuTools.Answer answer = new QemuTools.Answer(0, ours);
        assertEquals(theirs.number("virtual-size"), answer.number("virtual-size"));
        assertSameStorage(theirs, answer);
        assertTrue(ours.contains("\"format\": \"" + format + "\""), ours);
    }

    @Test
    void convertedImageOverABaseHoldsWhatDiffers() throws Exception {
        makeRaw("base.raw", 3);
        byte[] changed = contents(3);
        Arrays.fill(changed, 5 * CLUSTER, 6 * CLUSTER, (byte) 121);
        Files.write(folder.resolve("disk.raw"), changed);

        done("convert", "-f", "raw", "-O", "qcow2", "-B", "base.raw", "-F", "raw", "./disk.raw", "./new.qcow2");

        assertSound("new.qcow2");
        assertSame("disk.raw", "raw", "new.qcow2", "qcow2");
        assertEquals(1, qemu.run("check", "--output=json", "new.qcow2").number("allocated-clusters"));
    }

    @Test
    void snapshotsOfBothAreTheSame() throws Exception {
        makeRaw("disk.raw", 4);
        done("convert", "-f", "raw", "-O", "qcow2", "./disk.raw", "./disk.qcow2");
        done("snapshot", "-c", "ours", "./disk.qcow2");
        qemu.io("qcow2", "disk.qcow2", List.of("write -P 7 1M 1M"));
        qemu.img("snapshot", "-c", "theirs", "disk.qcow2");
        qemu.io("qcow2", "disk.qcow2", List.of("write -P 8 2M 1M"));

        assertSound("disk.qcow2");
        assertSameInfo("disk.qcow2");
        String listed = image("snapshot", "-l", "./disk.qcow2").text();
        assertTrue(listed.contains("ours") && listed.contains("theirs"), listed);
        done("snapshot", "-a", "ours", "./disk.qcow2");
        assertSame("disk.raw", "raw", "disk.qcow2", "qcow2");
        qemu.img("snapshot", "-a", "theirs", "disk.qcow2");
        qemu.img("snapshot", "-d", "ours", "disk.qcow2");
        done("snapshot", "-d", "theirs", "./disk.qcow2");
        assertSound("disk.qcow2");
        byte[] expected = contents(4);
        Arrays.fill(expected, 1 << 20, 2 << 20, (byte) 7);
        Files.write(folder.resolve("expected.raw"), expected);
        assertSame("expected.raw", "raw", "disk.qcow2", "qcow2");
    }

    @Test
    void resizedDiskHasWhatItHadAndZeroes() throws Exception {
        makeRaw("disk.raw", 5);
        done("convert", "-f", "raw", "-O", "qcow2", "./disk.raw", "./disk.qcow2");
        for (String disk : List.of("disk.raw", "disk.qcow2")) {
            String format = disk.substring(5);
            done("resize", "-f", format, "./" + disk, "+1M");
            done("resize", "-f", format, "--shrink", "./" + disk, "-3M");
            done("resize", "-f", format, "./" + disk, "8M");
            assertEquals(8 << 20, qemu.run("info", "--output=json", "-f", format, disk).number("virtual-size"));
        }

        assertSound("disk.qcow2");
        assertSame("disk.raw", "raw", "disk.qcow2", "qcow2");
        byte[] expected = Arrays.copyOf(Arrays.copyOf(contents(5), 4 << 20), 8 << 20);
        Files.write(folder.resolve("expected.raw"), expected);
        assertSame("expected.raw", "raw", "disk.qcow2", "qcow2");
    }

    @Test
    void committedImageLeavesItsContentsBelow() throws Exception {
        makeOverlay();

        done("commit", "./top.qcow2");

        assertSound("top.qcow2");
        assertSound("middle.qcow2");
        assertSame("expected.raw", "raw", "middle.qcow2", "qcow2");
        assertSame("expected.raw", "raw", "top.qcow2", "qcow2");
        assertEquals(0, qemu.run("check", "--output=json", "top.qcow2").number("allocated-clusters"));
        assertTrue(refused("commit", "./middle.qcow2").remedy().contains("convert"), "a VDI image can't be written");
    }

    @ParameterizedTest
    @CsvSource({"base.vdi,vdi", "other.raw,raw", "'',"})
    void rebasedImageReadsAsBefore(String base, String format) throws Exception {
        makeOverlay();
        makeRaw("other.raw", 7);

        List<String> arguments = new ArrayList<>(List.of("rebase", "-b", base));
        if (format != null) {
            arguments.addAll(List.of("-F", format));
        }
        arguments.add("./top.qcow2");
        done(arguments.toArray(new String[0]));

        assertSound("top.qcow2");
        assertSame("expected.raw", "raw", "top.qcow2", "qcow2");
        assertSameInfo("top.qcow2");
    }

    @Test
    void nameOfTheBaseAloneIsChanged() throws Exception {
        makeOverlay();
        Files.move(folder.resolve("middle.qcow2"), folder.resolve("moved.qcow2"));

        done("rebase", "-u", "-b", "moved.qcow2", "-F", "qcow2", "./top.qcow2");

        assertSound("top.qcow2");
        assertSame("expected.raw", "raw", "top.qcow2", "qcow2");
    }

    /** Sets the refcount of the last cluster, or takes its reference away. */
    private void damage(String name, int offset, int value) throws IOException {
        byte[] bytes = Files.readAllBytes(folder.resolve(name));
        bytes[offset] = (byte) value;
        Files.write(folder.resolve(name), bytes);
    }

    @Test
    void checkTellsDamageByItsStatus() throws Exception {
        makeRaw("disk.raw", 8);
        qemu.img("convert", "-f", "raw", "-O", "qcow2", "disk.raw", "disk.qcow2");
        assertEquals(ExitStatus.OK, image("check", "./disk.qcow2").status());
        // The first refcount block is the third cluster, as a rule; what it counts is 16 bits wide.
        int lastCluster = (int) (Files.size(folder.resolve("disk.qcow2")) / CLUSTER) - 1;
        byte[] longer = Files.readAllBytes(folder.resolve("disk.qcow2"));
        Files.write(folder.resolve("disk.qcow2"), Arrays.copyOf(longer, longer.length + 2 * CLUSTER));
        damage("disk.qcow2", 2 * CLUSTER + 2 * (lastCluster + 1) + 1, 1);

        assertSameVerdict("disk.qcow2", ExitStatus.CHECK_LEAKS, 3);
        assertEquals(ExitStatus.OK, image("check", "--repair", "leaks", "./disk.qcow2").status());
        assertSound("disk.qcow2");
        damage("disk.qcow2", 2 * CLUSTER + 2 * lastCluster + 1, 0);
        assertSameVerdict("disk.qcow2", ExitStatus.CHECK_CORRUPT, 2);
        assertEquals(ExitStatus.OK, image("check", "-r", "all", "./disk.qcow2").status());
        assertSound("disk.qcow2");
        assertSame("disk.raw", "raw", "disk.qcow2", "qcow2");
        assertEquals(ExitStatus.CHECK_UNSUPPORTED, image("check", "./disk.raw").status());
    }

    private void assertSameVerdict(String name, int status, int statusOfQemuImg) throws Exception {
        Answer ours = image("check", "--json", "./" + name);
        QemuTools.Answer theirs = qemu.run("check", "--output=json", folder.resolve(name).toString());
        assertEquals(status, ours.status());
        assertEquals(statusOfQemuImg, theirs.status(), theirs.text());
        String json = theirs.text().substring(theirs.text().indexOf('{'));
        // What it found is told before, or after.
        assertEquals(fields(json.substring(0, json.indexOf('}') + 2)), fields(ours.text()));
    }
}
