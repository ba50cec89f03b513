// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.machine.VmException;
import dev.isthmus.machine.block.HostFileOptions;
import dev.isthmus.machine.block.HostImageFile;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What {@code isthmus image} refuses, what it replaces where it is told to, and what it leaves as it is. */
class ImageCommandRefusalTest extends ImageCommandKit {
    @Test
    void imageInUseIsNamedWithTheRemedy() throws Exception {
        done("create", "-f", "qcow2", "./disk.qcow2", "1M");
        Path path = folder.resolve("disk.qcow2");
        try (HostImageFile _ = HostImageFile.open(path, false, "guest", HostFileOptions.DEFAULT)) {
            for (String verb : List.of("info", "check", "commit")) {
                assertTrue(String.valueOf(refused(verb, "./disk.qcow2").getMessage()).contains("in use"), verb);
            }
            assertTrue(refused("info", "./disk.qcow2").remedy().contains("--force-share"), "remedy");
            assertEquals(ExitStatus.OK, image("info", "-U", "./disk.qcow2").status());
            assertEquals(ExitStatus.OK, image("check", "--force-share", "./disk.qcow2").status());
            assertTrue(
                    String.valueOf(refused("create", "--force", "./disk.qcow2", "1M").getMessage()).contains("in use"));
        }
    }

    @Test
    void imageIsNotConvertedOverItselfOrWhatItIsBasedOn() throws Exception {
        makeOverlay();

        for (String target : List.of("./top.qcow2", "./middle.qcow2", "./base.vdi")) {
            assertTrue(
                    String.valueOf(refused("convert", "--force", "-O", "raw", "./top.qcow2", target).getMessage())
                            .contains("in use"),
                    target);
        }
        assertSame("expected.raw", "raw", "top.qcow2", "qcow2");
    }

    @Test
    void imageThatIsThereIsReplacedOnlyByForce() throws Exception {
        makeRaw("disk.raw", 9);

        assertTrue(refused("create", "./disk.raw", "1M").remedy().contains("--force"), "remedy");
        assertEquals(SIZE, Files.size(folder.resolve("disk.raw")));
        done("create", "--force", "./disk.raw", "1M");
        assertEquals(1 << 20, Files.size(folder.resolve("disk.raw")));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "create --force -o preallocation=metadata ./base.qcow2 10M",
        "create --force -f qcow2 -o cluster_size=3k ./base.qcow2 10M",
        "create --force -f qcow2 -o data_file=base.qcow2 ./base.qcow2 10M",
        "create --force -f qcow2 -o data_file=mid.qcow2,cluster_size=3k ./base.qcow2 10M",
        "create --force -f qcow2 -b base.qcow2 ./base.qcow2",
        "create --force -f qcow2 -b mid.qcow2 ./base.qcow2",
        "create --force -f qcow2 -b mid.qcow2 ./hardlink.qcow2",
        "create --force -f qcow2 -b mid.qcow2 -o data_file=base.qcow2 ./other.qcow2",
        "convert --force -f raw -O qcow2 -B base.qcow2 ./disk.raw ./base.qcow2",
        "convert --force -c -f raw -O qcow2 -o data_file=data ./disk.raw ./base.qcow2"
    })
    void refusedForceLeavesWhatIsThere(String line) throws Exception {
        makeRaw("disk.raw", 11);
        done("convert", "-f", "raw", "-O", "qcow2", "./disk.raw", "./base.qcow2");
        done("create", "-f", "qcow2", "-b", "base.qcow2", "./mid.qcow2");
        Files.createLink(folder.resolve("hardlink.qcow2"), folder.resolve("base.qcow2"));
        Files.write(folder.resolve("other.qcow2"), new byte[512]);
        List<String> before = names();
        byte[] base = Files.readAllBytes(folder.resolve("base.qcow2"));

        VmException e = refused(line.split(" ", -1));

        assertEquals(ExitStatus.USAGE, ExitStatus.of(e), e.getMessage());
        assertArrayEquals(base, Files.readAllBytes(folder.resolve("base.qcow2")));
        assertEquals(before, names());
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void forceReplacesWhatALinkLeadsToAndKeepsItsPermissions() throws Exception {
        Path real = Files.createDirectory(folder.resolve("images")).resolve("disk.raw");
        Files.write(real, new byte[512]);
        Files.setPosixFilePermissions(real, PosixFilePermissions.fromString("rw-------"));
        Files.createSymbolicLink(folder.resolve("link"), real);
        Files.createSymbolicLink(folder.resolve("dangling"), folder.resolve("gone"));

        done("create", "--force", "./link", "1M");

        assertTrue(Files.isSymbolicLink(folder.resolve("link")));
        assertEquals(1 << 20, Files.size(real));
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(real)));
        assertTrue(String.valueOf(refused("create", "--force", "/dev/null", "1M").getMessage()).contains("regular file"));
        assertTrue(String.valueOf(refused("create", "--force", "./dangling", "1M").getMessage()).contains("not there"));
    }

    @Test
    void forceReplacesAnImageAndItsDataFile() throws Exception {
        makeRaw("disk.raw", 12);
        Files.write(folder.resolve("data"), new byte[512]);
        Files.write(folder.resolve("disk.qcow2"), new byte[512]);

        done("convert", "--force", "-f", "raw", "-O", "qcow2", "-o", "data_file=data", "./disk.raw", "./disk.qcow2");

        assertSound("disk.qcow2");
        assertSame("disk.raw", "raw", "disk.qcow2", "qcow2");
        assertEquals(List.of("data", "disk.qcow2", "disk.raw"), names());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "create ./new|no size given",
        "create ./new 1Q|not a size",
        "create ./new -- -1|not a size",
        "create ./new 9E|too large",
        "create -f vmdk ./new 1M|can't be made",
        "create -f qcow ./new 1M|unknown format",
        "create -b base -F raw ./new|can't be based",
        "create -f qcow2 -F raw ./new 1M|no base",
        "create -f qcow2 -b ./disk.raw ./new|can't be told",
        "create -f qcow2 -b nbd:host ./new|no path",
        "create -f qcow2 -b ./gone -F raw ./new|does not exist",
        "create -f qcow2 -o cluster_size=3k ./new 1M|clusters can't have",
        "create -f qcow2 -o refcount_bits=3 ./new 1M|refcounts can't have",
        "create -f qcow2 -o compat=2 ./new 1M|unknown compat",
        "create -f qcow2 -o colour=red ./new 1M|unknown key",
        "create -o cluster_size=4k ./new 1M|unknown key",
        "create -o preallocation=metadata ./new 1M|no metadata",
        "create ./new 1M 2M|too many operands",
        "convert ./disk.raw|operand is missing",
        "convert -O vdi ./disk.raw ./new|can't be made",
        "convert -c ./disk.raw ./new|can't be compressed",
        "convert -c -O qcow2 -o data_file=data ./disk.raw ./new|can't have compressed",
        "convert -S 3k ./disk.raw ./new|smallest hole",
        "convert ./gone ./new|does not exist",
        "convert --force -U ./disk.raw ./new|exclude each other",
        "info ./gone|does not exist",
        "info -f qcow2 ./disk.raw|not in qcow2 format",
        "check -r some ./disk.raw|unknown repair",
        "snapshot -c a -d b ./disk.raw|at a time",
        "snapshot -c a ./disk.raw|not in qcow2 format",
        "resize -f raw ./disk.raw 1M|would become smaller",
        "resize -f raw ./disk.raw -9M|can't be changed by",
        "resize ./disk.raw 9M|can't be told",
        "resize -f raw ./disk.raw --shrunk|not a size",
        "rebase ./disk.raw|no base given",
        "rebase -u -b x ./disk.raw|no format given",
        "commit ./disk.raw|not in qcow2 format"
    })
    void badInputIsRefusedInOneLine(String line, String expected) throws Exception {
        makeRaw("disk.raw", 10);
        String[] arguments = line.split(" ", -1);
        for (int i = 0; i < arguments.length; i++) {
            if (i > 0 && arguments[i - 1].equals("-b") && arguments[i].startsWith("./")) {
                arguments[i] = folder.resolve(arguments[i].substring(2)).toString();
            }
        }

        VmException e = refused(arguments);

        assertTrue(String.valueOf(e.getMessage()).contains(expected), e.getMessage());
        assertFalse(String.valueOf(e.getMessage()).contains("\n"), e.getMessage());
        assertEquals(ExitStatus.USAGE, ExitStatus.of(e));
        assertFalse(Files.exists(folder.resolve("new")), "no half of an image is left");
        assertFalse(Files.exists(folder.resolve("data")), "no half of an image is left");
        assertEquals(SIZE, Files.size(folder.resolve("disk.raw")));
    }

    @Test
    void unknownSubcommandAndOptionAreWrongUsage() throws Exception {
        assertEquals(ExitStatus.USAGE, image("destroy").status());
        assertEquals(ExitStatus.USAGE, image("info", "--colour", "./disk").status());
        assertEquals(ExitStatus.OK, image("convert", "--help").status());
        assertEquals(ExitStatus.OK, image("--help").status());
    }
}
