// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.pmem;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.LinkedBlockingQueue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.VmException;
import dev.isthmus.machine.block.ImageLocking;
import dev.isthmus.machine.block.ImageMapping;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;
import dev.isthmus.testing.device.ManualEventLoop;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.pmem.VirtioPmem;
import dev.isthmus.virtio.pmem.VirtioPmemOptions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Mapped images, and the persistent memory device over them. */
class MappedPmemTest {
    private static final long UNIT = ImageMapping.ALIGNMENT_BYTES;
    private static final long START_GPA = 1L << 32;

    @TempDir
    private Path directory;

    private Path image(long lengthBytes) throws IOException {
        Path path = directory.resolve("image");
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(lengthBytes);
            file.write(1);
        }
        return path;
    }

    private static ImageMapping open(Path path, boolean readOnly) {
        return ImageMapping.open(path, readOnly, ImageLocking.AUTO, "test");
    }

    private static void assertRefused(Path path, boolean readOnly, String reason) {
        VmException.Configuration e =
                assertThrows(VmException.Configuration.class, () -> open(path, readOnly).close());
        assertTrue(String.valueOf(e.getMessage()).contains(reason), e.getMessage());
        assertFalse(e.remedy().isEmpty());
    }

    @Test
    void writtenMemoryIsInTheFile() throws IOException {
        Path path = image(2 * UNIT);
        try (ImageMapping image = open(path, false)) {
            MemoryRegion region = image.region(START_GPA);
            assertEquals(START_GPA, region.startGpa());
            assertEquals(2 * UNIT, image.sizeBytes());
            assertFalse(image.readOnly());
            assertEquals(1, region.segment().get(ValueLayout.JAVA_BYTE, 0));

            region.segment().set(ValueLayout.JAVA_BYTE, 2 * UNIT - 1, (byte) 7);

            assertTrue(image.flush());
        }
        byte[] bytes = Files.readAllBytes(path);
        assertEquals(7, bytes[(int) (2 * UNIT - 1)]);
    }

    @Test
    void readOnlyImageIsFollowedByZeroes() throws IOException {
        Path path = image(UNIT + 1);
        try (ImageMapping image = open(path, true)) {
            MemoryRegion region = image.region(START_GPA);

            assertEquals(2 * UNIT, image.sizeBytes());
            assertTrue(image.readOnly());
            assertEquals(1, region.segment().get(ValueLayout.JAVA_BYTE, 0));
            assertEquals(0, region.segment().get(ValueLayout.JAVA_BYTE, 2 * UNIT - 1));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> region.segment().set(ValueLayout.JAVA_BYTE, 0, (byte) 0));
            assertTrue(image.flush());
        }
    }

    @Test
    void imagesThatCannotBeMappedAreRefusedWithARemedy() throws IOException {
        assertRefused(image(UNIT + 4096), false, "multiple of 2 MiB");
        assertRefused(directory.resolve("missing"), true, "ENOENT");
        assertRefused(directory, true, "neither");
        assertRefused(Files.createFile(directory.resolve("empty")), true, "0 bytes");
    }

    @Test
    void imageThatIsWrittenElsewhereIsRefused() throws IOException {
        Path path = image(UNIT);
        try (ImageMapping writer = open(path, false)) {
            assertRefused(path, true, "in use");
            assertTrue(writer.flush());
            // Where the user says so, it is mapped all the same.
            ImageMapping.open(path, true, ImageLocking.OFF, "test").close();
        }
        open(path, true).close();
    }

    @Test
    void flushOfTheGuestGoesByAWorker() throws Exception {
        Path path = image(UNIT);
        LinkedBlockingQueue<Throwable> bugs = new LinkedBlockingQueue<>();
        GuestMemory memory = FakeGuestMemory.ofBytes(0x1_0000);
        ManualEventLoop loop = new ManualEventLoop();
        QueueDriver queue = new QueueDriver(memory, 0x1000, 8, false);
        try (ImageMapping image = open(path, false);
                PmemWorkers workers = new PmemWorkers("test-pmem-", bugs::add)) {
            VirtioPmem device = new VirtioPmem(
                    image::flush, workers, new VirtioPmemOptions(START_GPA, image.sizeBytes()), "test");
            VirtioRig transport = new VirtioRig(VirtioRig.Carrier.PCI_MSIX, device, memory, loop);
            assertTrue(transport.driver().negotiate(VirtioFeatures.VIRTIO_F_VERSION_1));
            transport.driver().setUpQueue(0, queue);
            transport.driver().driverOk();
            memory.writeU32(0x9000, 0xffff_ffffL);
            queue.offer(Buffer.readable(0x8000, 4), Buffer.writable(0x9000, 4));
            transport.driver().notifyQueue(0);

            while (!queue.pollUsed()) {
                loop.runReady();
                Thread.onSpinWait();
            }

            assertEquals(0, memory.readU32(0x9000));
            transport.reset();
        }
        assertTrue(bugs.isEmpty(), bugs::toString);
    }
}
