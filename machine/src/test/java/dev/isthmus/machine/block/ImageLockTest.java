// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.image.ImageChain;
import dev.isthmus.testing.block.QemuTools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Our locks among each other and against those of QEMU's programs. */
class ImageLockTest {
    @TempDir
    Path directory;

    private final List<AutoCloseable> open = new ArrayList<>();
    private QemuTools qemu;

    @BeforeEach
    void makeImages() {
        QemuTools.require();
        qemu = new QemuTools(directory);
        qemu.img("create", "-q", "-f", "raw", "disk.raw", "1M");
        qemu.img("create", "-q", "-f", "qcow2", "disk.qcow2", "1M");
        qemu.img("create", "-q", "-f", "qcow2", "-b", "disk.qcow2", "-F", "qcow2", "top1.qcow2");
        qemu.img("create", "-q", "-f", "qcow2", "-b", "disk.qcow2", "-F", "qcow2", "top2.qcow2");
    }

    @AfterEach
    void closeAll() throws Exception {
        for (AutoCloseable one : open) {
            one.close();
        }
    }

    private void open(String name, boolean readOnly, ImageLocking locking) {
        HostImageFolder folder = new HostImageFolder(HostFileOptions.DEFAULT.withLocking(locking));
        BlockBackend disk = ImageChain.open(folder, directory.resolve(name).toString(), null, readOnly, null);
        open.add(disk);
    }

    private void assertOpens(String name, boolean readOnly) {
        open(name, readOnly, ImageLocking.AUTO);
    }

    private void assertInUse(String name, boolean readOnly, String which) {
        ImageException e = assertThrows(ImageException.class, () -> open(name, readOnly, ImageLocking.AUTO));
        assertTrue(String.valueOf(e.getMessage()).contains(which + " is in use"), e.getMessage());
        assertTrue(e.remedy().contains("locking=off"), e.remedy());
    }

    @ParameterizedTest
    @CsvSource({"disk.raw", "disk.qcow2"})
    void writerIsAlone(String name) {
        assertOpens(name, false);

        assertInUse(name, false, name);
        assertInUse(name, true, name);
    }

    @ParameterizedTest
    @CsvSource({"disk.raw", "disk.qcow2"})
    void readersShareAndKeepWritersOut(String name) {
        assertOpens(name, true);

        assertOpens(name, true);
        assertInUse(name, false, name);
    }

    @Test
    void closedImageIsFreeAgain() throws Exception {
        open("disk.qcow2", false, ImageLocking.AUTO);
        open.removeLast().close();

        assertOpens("disk.qcow2", false);
    }

    @Test
    void refusedImageLeavesNoLockBehind() throws Exception {
        open("disk.qcow2", true, ImageLocking.AUTO);
        assertInUse("disk.qcow2", false, "disk.qcow2");
        open.removeLast().close();

        assertOpens("disk.qcow2", false);
    }

    @Test
    void baseIsSharedByDisksButNotWithAWriter() {
        assertOpens("top1.qcow2", false);

        assertOpens("top2.qcow2", false);
        assertInUse("disk.qcow2", false, "disk.qcow2");
        assertOpens("disk.qcow2", true);
    }

    @Test
    void lockingThatIsOffNeitherTakesNorHeedsLocks() {
        open("disk.qcow2", false, ImageLocking.OFF);
        open("disk.qcow2", false, ImageLocking.AUTO);

        open("disk.qcow2", false, ImageLocking.OFF);
    }

    @ParameterizedTest
    @CsvSource({"disk.raw,raw", "disk.qcow2,qcow2"})
    void whatAGuestWritesIsClosedToQemuImg(String name, String format) {
        open(name, false, ImageLocking.AUTO);

        assertRefused("convert", "-f", format, "-O", "raw", name, "copy");
        assertRefused("resize", "-f", format, name, "2M");
        assertEquals(0, qemu.run("info", "-U", name).status());
    }

    @Test
    void whatAGuestReadsIsOpenToQemuImgsReadersAlone() {
        open("top1.qcow2", true, ImageLocking.AUTO);

        assertEquals(0, qemu.run("info", "disk.qcow2").status());
        assertEquals(0, qemu.run("check", "top1.qcow2").status());
        assertRefused("resize", "disk.qcow2", "2M");
        assertRefused("snapshot", "-c", "s", "top1.qcow2");
    }

    private void assertRefused(String... arguments) {
        QemuTools.Answer answer = qemu.run(arguments);
        assertEquals(1, answer.status(), answer.text());
        assertTrue(answer.text().contains("lock"), answer.text());
    }

    @ParameterizedTest
    @CsvSource({"disk.raw,raw,off,true", "disk.qcow2,qcow2,off,true", "disk.qcow2,qcow2,on,false", "disk.raw,raw,on,false"})
    void whatAGuestOfQemuUsesIsRefused(String name, String format, String readOnly, boolean writer) throws Exception {
        try (QemuSystem _ = new QemuSystem(directory.resolve(name), format, readOnly)) {
            assertInUse(name, false, name);
            if (writer) {
                assertInUse(name, true, name);
            } else {
                assertOpens(name, true);
            }
        }
        closeAll();
        open.clear();
        assertOpens(name, false);
    }

    @Test
    void baseOfAGuestOfQemuCanBeReadButNotWritten() throws Exception {
        try (QemuSystem _ = new QemuSystem(directory.resolve("top1.qcow2"), "qcow2", "off")) {
            assertOpens("top2.qcow2", false);
            assertInUse("disk.qcow2", false, "disk.qcow2");
            assertInUse("top1.qcow2", true, "top1.qcow2");
        }
    }

    /** A machine that never runs, with one disk, until it is closed. */
    private static final class QemuSystem implements AutoCloseable {
        private final Process process;

        QemuSystem(Path image, String format, String readOnly) throws Exception {
            process = new ProcessBuilder(
                            "qemu-system-x86_64", "-M", "microvm,accel=tcg", "-S", "-nodefaults", "-display", "none", "-qmp",
                            "stdio", "-drive",
                            "if=none,id=d,file=" + image + ",format=" + format + ",readonly=" + readOnly, "-device",
                            "virtio-blk-device,drive=d")
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            BufferedReader answers =
                    new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
            // It greets when all devices are there.
            assertTrue(String.valueOf(answers.readLine()).contains("QMP"), "no greeting");
            Writer commands = process.outputWriter(StandardCharsets.UTF_8);
            commands.write("{\"execute\":\"qmp_capabilities\"}\n");
            commands.flush();
            assertTrue(String.valueOf(answers.readLine()).contains("return"), "no answer");
        }

        @Override
        public void close() {
            process.destroyForcibly().onExit().join();
        }
    }
}
