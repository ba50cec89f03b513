// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** {@code isthmus image} from outside: exit statuses, signals, standard output. Needs no KVM. */
@Timeout(300)
class ImageCommandIT {
    private static final int CLUSTER_BYTES = 65536;

    /** Of a new image: the header, the refcount table, the first refcount block, the L1 table. */
    private static final int BLOCK_CLUSTER = 2;

    private static final int L1_CLUSTER = 3;

    /** Where the header has the number of snapshots. */
    private static final int NB_SNAPSHOTS = 60;

    @TempDir
    private Path directory;

    private Path disk(String name) {
        return directory.resolve(name);
    }

    /** Runs a command; names of files in the directory begin with "./". */
    private CommandProcess image(String... arguments) throws Exception {
        return CommandProcess.run(builder(arguments).redirectInput(Path.of("/dev/null").toFile()));
    }

    private ProcessBuilder builder(String... arguments) {
        List<String> all = new ArrayList<>(List.of("image"));
        all.addAll(List.of(arguments));
        return CommandProcess.withDefaultSignals(all.toArray(new String[0])).directory(directory.toFile());
    }

    private CommandProcess done(String... arguments) throws Exception {
        CommandProcess command = image(arguments);
        assertEquals(0, command.status(), command::toString);
        return command;
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private void patch(String name, long offset, int... bytes) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(disk(name).toFile(), "rw")) {
            file.seek(offset);
            for (int value : bytes) {
                file.write(value);
            }
        }
    }

    @Test
    void checkTellsDamageByItsStatus() throws Exception {
        done("create", "-f", "qcow2", "disk.qcow2", "1M");
        done("check", "disk.qcow2");
        done("create", "disk.raw", "1M");
        assertEquals(46, image("check", "disk.raw").status());

        // The cluster after the last one is counted.
        long endBytes = (L1_CLUSTER + 2L) * CLUSTER_BYTES;
        patch("disk.qcow2", endBytes - 1, 0);
        patch("disk.qcow2", BLOCK_CLUSTER * CLUSTER_BYTES + 2 * (L1_CLUSTER + 1), 0, 1);
        assertEquals(42, image("check", "disk.qcow2").status());
        done("check", "--repair", "leaks", "disk.qcow2");

        // The L1 table is not counted.
        patch("disk.qcow2", BLOCK_CLUSTER * CLUSTER_BYTES + 2 * L1_CLUSTER, 0, 0);
        assertEquals(40, image("check", "disk.qcow2").status());

        patch("disk.qcow2", NB_SNAPSHOTS, 0x7f, 0xff, 0xff, 0xff);
        assertEquals(44, image("check", "disk.qcow2").status());
    }

    @ParameterizedTest
    @CsvSource({"INT, 130", "TERM, 143", "HUP, 129"})
    void signalEndsACreationAndLeavesWhatWasThere(String signal, int status) throws Exception {
        Files.writeString(disk("old.raw"), "old");

        for (String force : List.of("new.raw", "old.raw")) {
            ProcessBuilder builder =
                    builder("create", "--force", "--progress", "-o", "preallocation=full", force, "60G");
            try (CommandProcess command = CommandProcess.start(builder)) {
                command.awaitError("% of 60 GiB");
                command.signal(signal);

                assertEquals(status, command.status(), command::toString);
                assertTrue(command.errors().contains("interrupted"), command::toString);
            }
        }

        assertEquals(List.of("old.raw"), names());
        assertEquals("old", Files.readString(disk("old.raw")));
    }

    @Test
    void hostWithoutRoomIsStatus6AndLeavesNothing() throws Exception {
        for (String format : List.of("raw", "qcow2")) {
            CommandProcess command = CommandProcess.run(new ProcessBuilder(
                            "sh", "-c", "ulimit -f 2048; exec \"$@\"", "sh", CommandProcess.program().toString(),
                            "image", "create", "-f", format, "-o", "preallocation=full", "new", "64M")
                    .directory(directory.toFile()));

            assertEquals(6, command.status(), command::toString);
            assertTrue(command.errors().contains("there is no space left. Make room"), command::toString);
            assertEquals(List.of(), names());
        }
    }

    @Test
    void resultThatCanNotBeWrittenIsStatus6() throws Exception {
        done("create", "disk.raw", "1M");

        for (String verb : List.of("info disk.raw", "check --json disk.qcow2", "--help")) {
            done("create", "--force", "-f", "qcow2", "disk.qcow2", "1M");
            List<String> line = new ArrayList<>(builder(verb.split(" ", -1)).command());
            line.addAll(0, List.of("sh", "-c", "exec \"$@\" >/dev/full", "sh"));
            CommandProcess command = CommandProcess.run(new ProcessBuilder(line).directory(directory.toFile()));

            assertEquals(6, command.status(), verb + command);
            assertTrue(command.errors().contains("standard output"), verb + command);
        }
    }

    @Test
    void everyChangeTellsAsJsonWhatTheImageIsThen() throws Exception {
        assertTold("raw", 1 << 20, done("create", "--json", "base.raw", "1M"));
        assertTold("qcow2", 1 << 20, done("create", "--json", "-f", "qcow2", "-b", "base.raw", "-F", "raw", "top.qcow2"));
        assertTold("qcow2", 1 << 20, done("convert", "--json", "-p", "-f", "raw", "-O", "qcow2", "base.raw", "new.qcow2"));
        CommandProcess snapshot = done("snapshot", "--json", "-c", "before", "new.qcow2");
        assertTold("qcow2", 1 << 20, snapshot);
        assertTrue(snapshot.output().contains("\"name\": \"before\""), snapshot::toString);
        assertTold("qcow2", 2 << 20, done("resize", "--json", "top.qcow2", "2M"));
        CommandProcess rebase = done("rebase", "--json", "-p", "-b", "new.qcow2", "top.qcow2");
        assertTold("qcow2", 2 << 20, rebase);
        assertTrue(rebase.output().contains("\"backing-filename\": \"new.qcow2\""), rebase::toString);
        assertTold("qcow2", 2 << 20, done("commit", "--json", "-p", "--keep", "top.qcow2"));
        assertTrue(rebase.errors().contains("100.0 % of 2 MiB"), rebase::toString);
    }

    private static void assertTold(String format, long capacityBytes, CommandProcess command) {
        assertTrue(command.output().contains("\"format\": \"" + format + "\""), command::toString);
        assertTrue(command.output().contains("\"virtual-size\": " + capacityBytes), command::toString);
    }

    @Test
    void imageThatIsKeptHasItsClustersAfterACommit() throws Exception {
        done("create", "-f", "qcow2", "base.qcow2", "1M");
        done("create", "data.raw", "1M");
        patch("data.raw", 0, 1);
        done("convert", "-f", "raw", "-O", "qcow2", "-B", "base.qcow2", "data.raw", "top.qcow2");

        done("commit", "--keep", "top.qcow2");
        assertTrue(done("check", "--json", "top.qcow2").output().contains("\"allocated-clusters\": 1"));
        done("commit", "top.qcow2");
        assertFalse(done("check", "--json", "top.qcow2").output().contains("\"allocated-clusters\": 1"));
        assertTrue(done("check", "--json", "base.qcow2").output().contains("\"allocated-clusters\": 1"));
    }

    @Test
    void unknownSubcommandGetsTheKnownOnes() throws Exception {
        CommandProcess command = image("frob");

        assertEquals(2, command.status(), command::toString);
        assertTrue(command.errors().contains("unknown command 'image frob'; known: create, info"), command::toString);
    }
}
