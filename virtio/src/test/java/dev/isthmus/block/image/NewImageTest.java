// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageIoException;
import dev.isthmus.block.Progress;
import dev.isthmus.block.qcow2.Qcow2CreateOptions;
import dev.isthmus.block.qcow2.Qcow2CreateOptions.Preallocation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Images while they are made, in a folder in memory. */
class NewImageTest {
    private static final int MIB = 1 << 20;

    private final MemoryFolder folder = new MemoryFolder();

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "METADATA")
    void rawImageIsOfZeroesAndItsSizeRoundedUp(Preallocation preallocation) {
        try (NewImage image = NewImage.raw(folder, "new", 2 * MIB + 1, preallocation, Progress.NONE)) {
            image.keep();
        }

        byte[] contents = folder.contents("new");
        assertEquals(2 * MIB + 512, contents.length);
        for (byte each : contents) {
            assertEquals(0, each);
        }
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "METADATA")
    void emptyRawImageIsAnEmptyFile(Preallocation preallocation) {
        try (NewImage image = NewImage.raw(folder, "new", 0, preallocation, Progress.NONE)) {
            image.keep();
        }

        assertEquals(0, folder.contents("new").length);
    }

    @Test
    void rawImageHasNoMetadataToPreallocate() {
        ImageException e = assertThrows(
                ImageException.class, () -> NewImage.raw(folder, "new", MIB, Preallocation.METADATA, Progress.NONE).close());

        assertTrue(String.valueOf(e.getMessage()).contains("no metadata"), e.getMessage());
        assertFalse(folder.has("new"));
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE, Long.MAX_VALUE - 510})
    void sizeThatNoFileHasIsRefused(long lengthBytes) {
        assertThrows(ImageException.class, () -> NewImage.raw(folder, "new", lengthBytes, Preallocation.OFF, Progress.NONE).close());

        assertFalse(folder.has("new"));
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "METADATA")
    void rawImageForWhichThereIsNoRoomIsNotLeftBehind(Preallocation preallocation) {
        folder.roomBytes = MIB;

        assertThrows(ImageIoException.class, () -> NewImage.raw(folder, "new", 3 * MIB, preallocation, Progress.NONE).close());

        assertFalse(folder.has("new"));
    }

    @Test
    void imageThatIsNotKeptIsRemovedWithItsDataFile() {
        Qcow2CreateOptions options = new Qcow2CreateOptions(MIB).dataFile("data", true);

        try (NewImage image = NewImage.qcow2(folder, "new", options, "data", Progress.NONE)) {
            assertEquals("new", image.name());
            assertTrue(folder.has("data"));
        }

        assertFalse(folder.has("new"));
        assertFalse(folder.has("data"));
    }

    @Test
    void imageWhoseDataFileIsThereAlreadyIsNotMadeAndTheFileStays() {
        folder.put("data", new byte[] {1});
        Qcow2CreateOptions options = new Qcow2CreateOptions(MIB).dataFile("data", true);

        assertThrows(ImageException.class, () -> NewImage.qcow2(folder, "new", options, "data", Progress.NONE).close());

        assertFalse(folder.has("new"));
        assertEquals(1, folder.contents("data").length);
    }
}
