// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.balloon;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import dev.isthmus.kvm.linux.HostFile;
import dev.isthmus.machine.GuestRam;
import dev.isthmus.machine.MemoryConfig;
import dev.isthmus.memory.GuestMemory;
import dev.isthmus.memory.MemoryRegion;
import dev.isthmus.testing.device.ManualEventLoop;
import dev.isthmus.testing.jvm.Allocations;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.QueueDriver;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.balloon.VirtioBalloon;
import dev.isthmus.virtio.balloon.VirtioBalloonOptions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A balloon over the memory that machines have: what it releases, the host truly has back. */
class RamReleaseTest {
    private static final long PAGE = 4096;
    private static final long MIB = 1 << 20;
    private static final long RAM_BYTES = 64 * MIB;

    /** Where memory begins that is filled and released. */
    private static final long FREE_GPA = 16 * MIB;

    private static final long FREE_BYTES = 32 * MIB;
    private static final long NUMBERS_GPA = 0x1_0000;
    private static final int INFLATEQ = 0;
    private static final int DEFLATEQ = 1;

    /** Without gaps, as Linux numbers it. */
    private static final int REPORTING_VQ = 3;

    private static final long ALL_FEATURES = VirtioFeatures.VIRTIO_F_VERSION_1 | 0b11_0110;

    private final String name = "balloon-test-" + ProcessHandle.current().pid() + "-" + System.nanoTime();
    private final ManualEventLoop loop = new ManualEventLoop();
    private final QueueDriver[] queues = new QueueDriver[REPORTING_VQ + 1];
    private GuestRam ram;
    private GuestMemory memory;
    private VirtioBalloon device;
    private VirtioRig transport;

    @BeforeEach
    void bringUp() {
        ram = GuestRam.allocate(name, RAM_BYTES, MemoryConfig.DEFAULT);
        memory = ram.memory();
        device = new VirtioBalloon(new RamRelease(memory, PAGE, "test"), VirtioBalloonOptions.DEFAULT);
        transport = new VirtioRig(VirtioRig.Carrier.PCI_MSIX, device, memory, loop);
        assertTrue(transport.driver().negotiate(ALL_FEATURES));
        for (int i = 0; i < queues.length; i++) {
            queues[i] = new QueueDriver(memory, 0x1000 + i * 0x2000L, 64, false);
            transport.driver().setUpQueue(i, queues[i]);
        }
        transport.driver().driverOk();
        memory.fill(FREE_GPA, FREE_BYTES, (byte) 0x55);
        // Present from the beginning, so that it makes no difference later.
        memory.writeU32(NUMBERS_GPA, 0);
    }

    @AfterEach
    void close() {
        transport.reset();
        ram.close();
    }

    /** Returns how much the memfd takes up. */
    private long allocatedBytes() throws IOException {
        try (Stream<Path> fds = Files.list(Path.of("/proc/self/fd"))) {
            for (Path fd : fds.toList()) {
                if (Files.isSymbolicLink(fd) && Files.readSymbolicLink(fd).toString().contains(name)) {
                    try (HostFile memfd = HostFile.open(fd.toString(), HostFile.O_RDONLY, 0)) {
                        return memfd.allocatedBytes();
                    }
                }
            }
        }
        throw new AssertionError("no memfd");
    }

    /** Returns how much of the mapping this process has in memory. */
    private long residentBytes() throws IOException {
        List<String> lines = Files.readAllLines(Path.of("/proc/self/smaps"));
        boolean ours = false;
        long sum = 0;
        for (String line : lines) {
            if (line.matches("[0-9a-f]+-[0-9a-f]+ .*")) {
                ours = line.contains(name);
            } else if (ours && line.startsWith("Rss:")) {
                sum += Long.parseLong(line.replaceAll("\\D", "")) * 1024;
            }
        }
        return sum;
    }

    private void send(int index, Buffer... buffers) {
        queues[index].offer(buffers);
        transport.driver().notifyQueue(index);
        loop.runReady();
        assertTrue(queues[index].pollUsed());
    }

    /** Names pages as Linux does: 256 in a request, downwards. */
    private void inflateAll() {
        long pages = FREE_BYTES / PAGE;
        for (long done = 0; done < pages; done += 256) {
            for (int i = 0; i < 256; i++) {
                memory.writeU32(NUMBERS_GPA + i * 4L, (FREE_GPA + FREE_BYTES) / PAGE - 1 - done - i);
            }
            send(INFLATEQ, Buffer.readable(NUMBERS_GPA, 1024));
        }
    }

    @Test
    void inflatedMemoryIsTheHostsAgain() throws IOException {
        long allocated = allocatedBytes();
        long resident = residentBytes();
        assertTrue(allocated >= FREE_BYTES && resident >= FREE_BYTES, allocated + " " + resident);

        inflateAll();

        assertTrue(allocatedBytes() <= allocated - FREE_BYTES, "still " + allocatedBytes());
        assertTrue(residentBytes() <= resident - FREE_BYTES, "still " + residentBytes());
    }

    @Test
    void pageOfTheBalloonComesBackWhenItIsTouched() throws IOException {
        inflateAll();
        long allocated = allocatedBytes();
        memory.writeU32(NUMBERS_GPA, FREE_GPA / PAGE);
        send(DEFLATEQ, Buffer.readable(NUMBERS_GPA, 4));

        memory.writeU64(FREE_GPA + 8, 42);

        assertEquals(0, memory.readU64(FREE_GPA));
        assertEquals(42, memory.readU64(FREE_GPA + 8));
        assertTrue(allocatedBytes() > allocated);
        // Given once more, it goes once more.
        memory.writeU32(NUMBERS_GPA, FREE_GPA / PAGE);
        send(INFLATEQ, Buffer.readable(NUMBERS_GPA, 4));
        assertEquals(allocated, allocatedBytes());
    }

    @Test
    void reportedMemoryIsTheHostsAgain() throws IOException {
        long allocated = allocatedBytes();
        Buffer[] blocks = new Buffer[(int) (FREE_BYTES / (4 * MIB))];
        for (int i = 0; i < blocks.length; i++) {
            blocks[i] = Buffer.writable(FREE_GPA + 4 * MIB * i, 4 * MIB);
        }

        send(REPORTING_VQ, blocks);

        assertTrue(allocatedBytes() <= allocated - FREE_BYTES, "still " + allocatedBytes());
        assertEquals(0, memory.readU64(FREE_GPA));
    }

    @Test
    void memoryNextToWhatIsReleasedStays() {
        send(REPORTING_VQ, Buffer.writable(FREE_GPA + 100, 3 * PAGE));

        assertEquals(0x55, memory.readU8(FREE_GPA + PAGE - 1));
        assertEquals(0, memory.readU8(FREE_GPA + PAGE));
        assertEquals(0, memory.readU8(FREE_GPA + 3 * PAGE - 1));
        assertEquals(0x55, memory.readU8(FREE_GPA + 3 * PAGE));
    }

    @Test
    void memoryThatIsNotTheGuestsRamIsKept() {
        MemoryRegion other = FakeGuestMemory.ofBytes(PAGE).regions().get(0);
        other.segment().fill((byte) 1);

        assertFalse(new RamRelease(memory, PAGE, "test").release(other.segment(), 0, PAGE));
        // And memory that the host can't take is refused by it.
        GuestMemory notShared = GuestMemory.of(other);
        assertFalse(new RamRelease(notShared, PAGE, "test").release(other.segment(), 0, PAGE));

        assertEquals(1, other.segment().get(ValueLayout.JAVA_BYTE, 0));
    }

    @Test
    void releaseAllocatesNothing() {
        RamRelease release = new RamRelease(memory, PAGE, "test");
        MemoryRegion region = memory.regions().get(0);

        Allocations.assertNoneOnceWarm(10_000, () -> {
            for (int i = 0; i < 10_000; i++) {
                if (!release.release(region.segment(), FREE_GPA, PAGE)) {
                    throw new AssertionError("not released");
                }
            }
        });
    }
}
