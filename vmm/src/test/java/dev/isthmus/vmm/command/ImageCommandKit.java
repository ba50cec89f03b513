// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.VmException;
import dev.isthmus.testing.block.QemuTools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

/** Runs {@code isthmus image} in a folder of its own, with qemu-img beside it. */
abstract class ImageCommandKit {
    static final int SIZE = 6 << 20;
    static final int CLUSTER = 65536;

    /** By so much may the storage that a file takes change while nobody writes to it. */
    static final long STORAGE_SLACK_BYTES = 65536;

    @TempDir
    Path folder;

    QemuTools qemu;

    @BeforeEach
    void findQemu() {
        QemuTools.require();
        qemu = new QemuTools(folder);
    }

    /** What a command answered: its status, and what it printed to standard output. */
    record Answer(int status, String text) {}

    /** Runs a command; names of files in the folder begin with "./". */
    Answer image(String... arguments) throws Exception {
        List<String> all = new ArrayList<>();
        all.add("image");
        for (String argument : arguments) {
            all.add(argument.startsWith("./") ? folder.resolve(argument.substring(2)).toString() : argument);
        }
        PrintStream before = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        try {
            return new Answer(Main.run(all.toArray(new String[0])), printed.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(before);
        }
    }

    void done(String... arguments) throws Exception {
        assertEquals(new Answer(ExitStatus.OK, ""), image(arguments));
    }

    VmException refused(String... arguments) {
        return assertThrows(VmException.class, () -> image(arguments));
    }

    void assertSound(String name) {
        assertEquals("No errors were found on the image.", qemu.img("check", "-f", "qcow2", name).lines().findFirst().orElse(""));
    }

    void assertSame(String one, String formatOfOne, String other, String formatOfOther) {
        assertEquals("Images are identical.\n", qemu.img("compare", "-f", formatOfOne, "-F", formatOfOther, one, other));
    }

    /** Data, zeroes and holes, in pieces of odd sizes. */
    byte[] contents(int seed) {
        SplittableRandom random = new SplittableRandom(seed);
        byte[] bytes = new byte[SIZE];
        for (int at = 0; at < SIZE; ) {
            int end = Math.min(SIZE, at + 512 * (1 + random.nextInt(400)));
            if (random.nextInt(3) > 0) {
                Arrays.fill(bytes, at, end, (byte) (1 + random.nextInt(120)));
            }
            at = end;
        }
        return bytes;
    }

    void makeRaw(String name, int seed) throws IOException {
        Files.write(folder.resolve(name), contents(seed));
    }

    void makeOverlay() throws Exception {
        makeRaw("base.raw", 6);
        qemu.img("convert", "-f", "raw", "-O", "vdi", "base.raw", "base.vdi");
        qemu.img("create", "-q", "-f", "qcow2", "-b", "base.vdi", "-F", "vdi", "middle.qcow2");
        qemu.img("create", "-q", "-f", "qcow2", "-b", "middle.qcow2", "-F", "qcow2", "top.qcow2");
        qemu.io("qcow2", "middle.qcow2", List.of("write -P 9 300k 200k", "write -z 1M 700k"));
        qemu.io("qcow2", "top.qcow2", List.of("write -P 10 400k 200k", "write -z 2M 700k", "write -P 11 5M 100k"));
        qemu.img("convert", "-f", "qcow2", "-O", "raw", "top.qcow2", "expected.raw");
    }
}
