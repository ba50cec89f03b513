// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Objects;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Vectors over sockets, and what needs no permission of network interfaces; taps are tested where they are used. */
class NetworkTest {
    private static final String MISSING = "isthmus-none";

    @TempDir
    Path directory;

    @Test
    void piecesGoOutAndComeInByOneCallEach() {
        try (Arena arena = Arena.ofConfined();
                UnixSocket socket =
                        UnixSocket.listen(directory.resolve("socket").toString());
                Fd one = UnixSocket.connect(socket.path());
                Fd other = Objects.requireNonNull(socket.accept())) {
            MemorySegment memory = arena.allocateFrom("abcdefgh");
            IoVectors out = new IoVectors(2);
            out.add(memory, 1, 2);
            out.add(memory, 5, 3);
            MemorySegment target = arena.allocate(8);
            IoVectors in = new IoVectors(2);
            in.add(target, 0, 4);
            in.add(target, 6, 2);

            assertEquals(-Errno.EAGAIN, VectorIo.readv(other, in));
            assertEquals(5, VectorIo.writev(one, out));
            assertEquals(5, VectorIo.readv(other, in));

            assertEquals("bcfg", target.getString(0));
            assertEquals('h', target.get(ValueLayout.JAVA_BYTE, 6));
        }
    }

    @Test
    void peerThatHasGoneIsTheEndOfTheStream() {
        try (Arena arena = Arena.ofConfined();
                UnixSocket socket =
                        UnixSocket.listen(directory.resolve("socket").toString());
                Fd one = UnixSocket.connect(socket.path())) {
            Objects.requireNonNull(socket.accept()).close();
            IoVectors vectors = new IoVectors(1);
            vectors.add(arena.allocate(8));

            assertEquals(-Errno.EPIPE, VectorIo.writev(one, vectors));
            assertEquals(0, VectorIo.readv(one, vectors));
        }
    }

    @Test
    void loopbackIsThereAndNothingChangesWhereItIsSoAlready() {
        try (NetInterface loopback = NetInterface.named("lo")) {
            assertTrue(loopback.exists());
            assertTrue(loopback.index() > 0);
        }
    }

    @Test
    void missingInterfaceIsToldByItsError() {
        try (NetInterface missing = NetInterface.named(MISSING)) {
            assertFalse(missing.exists());
            ErrnoException failure = assertThrows(ErrnoException.class, missing::index);
            assertEquals(Errno.ENODEV, failure.errno());
            assertEquals("SIOCGIFINDEX", failure.call());
            assertThrows(ErrnoException.class, missing::setUp);
            assertThrows(ErrnoException.class, () -> missing.setMtu(1500));
        }
    }

    @Test
    void nameThatDoesNotFitIsRefused() {
        try (NetInterface tooLong = NetInterface.named("x".repeat(TapFd.MAX_NAME_BYTES + 1))) {
            assertThrows(IllegalArgumentException.class, tooLong::index);
        }
    }

    @Test
    void descriptorThatIsNoTapIsNotTakenOver() {
        try (EventFd other = EventFd.create()) {
            ErrnoException failure =
                    assertThrows(ErrnoException.class, () -> TapFd.inherit(other.fd()));

            assertEquals("TUNGETIFF", failure.call());
            other.signal();
        }
    }
}
