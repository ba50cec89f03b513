// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.VmException;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class HostCaptureFileTest {
    @TempDir
    Path folder;

    private static MemorySegment bytes(Arena arena, byte... values) {
        return arena.allocateFrom(ValueLayout.JAVA_BYTE, values);
    }

    @Test
    void whatIsAppendedReplacesWhatWasThere() throws IOException {
        Path file = Files.writeString(folder.resolve("capture"), "an older capture");

        try (Arena arena = Arena.ofConfined();
                HostCaptureFile capture = HostCaptureFile.create(file)) {
            capture.append(bytes(arena, (byte) 1, (byte) 2, (byte) 3), 2);
            capture.append(bytes(arena, (byte) 4), 1);
        }

        assertArrayEquals(new byte[] {1, 2, 4}, Files.readAllBytes(file));
    }

    @Test
    void folderThatIsNotThereIsNamed() {
        VmException refusal = assertThrows(
                VmException.Configuration.class, () -> HostCaptureFile.create(folder.resolve("none").resolve("capture")));

        assertTrue(String.valueOf(refusal.getMessage()).contains("folder does not exist"), refusal.getMessage());
    }

    @Test
    void deviceIsRefusedAsItCouldBlock() {
        VmException refusal =
                assertThrows(VmException.Configuration.class, () -> HostCaptureFile.create(Path.of("/dev/full")));

        assertTrue(String.valueOf(refusal.getMessage()).contains("no regular file"), refusal.getMessage());
    }
}
