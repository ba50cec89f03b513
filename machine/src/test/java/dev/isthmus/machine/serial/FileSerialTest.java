// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.HostFile;
import dev.isthmus.machine.VmException;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class FileSerialTest {
    @TempDir
    private Path directory;

    private static SerialBackend open(Path path) {
        return SerialBackends.open(new SerialConfig.ToFile(path));
    }

    @Test
    void outputReplacesWhatWasInTheFile() throws Exception {
        Path path = directory.resolve("log");
        Files.writeString(path, "an older and longer log than the new one will be");
        byte[] sent = LiveLine.randomBytes(1 << 20, 1);
        try (LiveLine line = new LiveLine(open(path))) {
            line.send(sent);
            line.drain();
        }
        assertArrayEquals(sent, Files.readAllBytes(path));

        try (LiveLine line = new LiveLine(open(path))) {
            line.send("new".getBytes(StandardCharsets.US_ASCII));
            line.drain();
        }
        assertEquals("new", Files.readString(path));
    }

    @Test
    void fullDiskDoesNotStopTheGuest() {
        try (LiveLine line = new LiveLine(open(Path.of("/dev/full")))) {
            line.send(new byte[1 << 20]);
            line.drain();
        }
    }

    @Test
    void fileThatCannotBeOpenedIsAnErrorThatNamesItAndTheCause() {
        VmException missing = assertThrows(
                VmException.Configuration.class, () -> open(directory.resolve("no/such/log")));
        assertTrue(missing.toString().contains("no/such/log"), missing.getMessage());
        assertTrue(missing.toString().contains("No such file or directory"), missing.getMessage());

        VmException isDirectory = assertThrows(VmException.Configuration.class, () -> open(directory));
        assertTrue(isDirectory.toString().contains("Is a directory"), isDirectory.getMessage());
    }

    @Test
    void namedPipeNeedsItsReaderFirst() throws Exception {
        Path fifo = Streams.makeFifo(directory.resolve("fifo"));
        VmException e = assertThrows(VmException.Configuration.class, () -> open(fifo));
        assertTrue(e.remedy().contains("reads the named pipe"), e.remedy());

        try (Fd reader = Streams.open(fifo, HostFile.O_RDONLY);
                LiveLine line = new LiveLine(open(fifo))) {
            line.send("through".getBytes(StandardCharsets.US_ASCII));
            assertEquals("through", new String(Streams.read(reader, 7), StandardCharsets.US_ASCII));
        }
    }
}
