// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class IoUringTest {
    @TempDir
    Path directory;

    private final MemorySegment memory = Arena.ofAuto().allocate(1 << 16, 4096);
    private IoUring ring;
    private HostFile file;

    @BeforeEach
    void open() throws IOException {
        byte[] bytes = new byte[8192];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i / 512 + 1);
        }
        Path path = Files.write(directory.resolve("file"), bytes);
        file = HostFile.open(path.toString(), HostFile.O_RDWR, 0);
        ring = IoUring.create(8);
    }

    @AfterEach
    void close() {
        ring.close();
        file.close();
    }

    private void await(int completions) {
        while (ring.completions() < completions) {
            Thread.onSpinWait();
        }
    }

    @Test
    void readFillsMemoryAndItsCompletionCarriesTheUserData() {
        ring.prepareRead(file.fd(), memory.address(), 512, 1024, 0x1234_5678_9abc_def0L);
        assertEquals(0, ring.submit());
        await(1);

        assertEquals(0x1234_5678_9abc_def0L, ring.userData(0));
        assertEquals(512, ring.result(0));
        assertEquals(3, memory.get(ValueLayout.JAVA_BYTE, 0));
        assertEquals(3, memory.get(ValueLayout.JAVA_BYTE, 511));
        ring.advance(1);
        assertEquals(0, ring.completions());
    }

    @Test
    void readAtTheEndOfTheFileIsShort() {
        ring.prepareRead(file.fd(), memory.address(), 1024, 8192 - 512, 1);
        ring.submit();
        await(1);

        assertEquals(512, ring.result(0));
    }

    @Test
    void stableWriteArrivesInTheFile() throws IOException {
        memory.asSlice(0, 512).fill((byte) 0x77);
        ring.prepareWrite(file.fd(), memory.address(), 512, 512, true, 1);
        ring.submit();
        await(1);
        assertEquals(512, ring.result(0));
        byte[] bytes = Files.readAllBytes(Path.of(file.path()));
        assertEquals(1, bytes[511]);
        assertEquals(0x77, bytes[512]);
        assertEquals(0x77, bytes[1023]);
        assertEquals(3, bytes[1024]);
    }

    @Test
    void vectorsScatterAndGather() {
        IoVectors vectors = new IoVectors(2);
        vectors.add(memory.asSlice(0, 512));
        vectors.add(memory.asSlice(4096, 512));
        ring.prepareReadv(file.fd(), vectors.address(), vectors.count(), 0, 1);
        ring.submit();
        await(1);

        assertEquals(1024, ring.result(0));
        assertEquals(1, memory.get(ValueLayout.JAVA_BYTE, 0));
        assertEquals(2, memory.get(ValueLayout.JAVA_BYTE, 4096));
        ring.advance(1);
        ring.prepareWritev(file.fd(), vectors.address(), vectors.count(), 4096, false, 2);
        ring.submit();
        await(1);

        MemorySegment written = memory.asSlice(8192, 1024);
        assertEquals(1024, file.pread(written, 4096));
        byte[] expected = new byte[1024];
        java.util.Arrays.fill(expected, 0, 512, (byte) 1);
        java.util.Arrays.fill(expected, 512, 1024, (byte) 2);
        assertArrayEquals(expected, written.toArray(ValueLayout.JAVA_BYTE));
    }

    @Test
    void failureOfARequestIsItsResult() {
        try (HostFile readOnly = HostFile.open(file.path(), HostFile.O_RDONLY, 0)) {
            ring.prepareWrite(readOnly.fd(), memory.address(), 512, 0, false, 1);
            ring.submit();
            await(1);

            assertEquals(-Errno.EBADF, ring.result(0));
        }
    }

    @Test
    void ringGoesRoundManyTimesAndRefusesMoreThanItHolds() {
        for (int round = 0; round < 1000; round++) {
            for (int i = 0; i < 8; i++) {
                ring.prepareRead(file.fd(), memory.address() + i * 512L, 512, i * 512L, round * 8L + i);
            }
            assertEquals(0, ring.freeEntries());
            assertThrows(IllegalStateException.class, () -> ring.prepareRead(file.fd(), memory.address(), 512, 0, 0));
            assertEquals(0, ring.submit());
            await(8);
            long sum = 0;
            for (int i = 0; i < 8; i++) {
                assertEquals(512, ring.result(i));
                sum += ring.userData(i) - round * 8L;
            }
            assertEquals(28, sum);
            ring.advance(8);
        }
    }

    @Test
    void descriptorIsReadableWhileThereAreCompletions() {
        try (Epoll epoll = Epoll.create(4)) {
            epoll.add(ring.fd(), Epoll.EPOLLIN, 7);
            assertEquals(0, epoll.await(0));
            ring.prepareRead(file.fd(), memory.address(), 512, 0, 1);
            ring.submit();

            assertEquals(1, epoll.await(Epoll.FOREVER));
            assertEquals(7, epoll.data(0));
            ring.advance(ring.completions());
            assertEquals(0, epoll.await(0));
        }
    }

    @Test
    void sizesThatTheKernelDoesNotTakeAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> IoUring.create(0).close());
        assertThrows(IllegalArgumentException.class, () -> IoUring.create(3).close());
        assertThrows(IllegalArgumentException.class, () -> IoUring.create(65536).close());
    }
}
