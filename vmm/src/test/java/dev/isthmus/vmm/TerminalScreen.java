// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

import dev.isthmus.kvm.linux.Pty;
import dev.isthmus.kvm.linux.StreamIo;
import dev.isthmus.machine.io.Uninterruptibly;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Who sits at a pseudo-terminal: reads all that is shown, and types. */
final class TerminalScreen implements AutoCloseable {
    private final SerialCapture shown = new SerialCapture();
    private final Pty pty;
    private final Thread reader;

    private TerminalScreen(Pty pty) {
        this.pty = pty;
        reader = Thread.ofPlatform().daemon(true).start(this::read);
    }

    static TerminalScreen open(Pty pty) {
        return new TerminalScreen(pty);
    }

    void type(String keys) {
        try (Arena arena = Arena.ofConfined()) {
            byte[] bytes = keys.getBytes(StandardCharsets.UTF_8);
            MemorySegment memory = arena.allocate(bytes.length);
            memory.copyFrom(MemorySegment.ofArray(bytes));
            assertEquals(bytes.length, StreamIo.write(pty.master(), memory));
        }
    }

    void await(String text) throws InterruptedException {
        assertTrue(
                shown.await(text.getBytes(StandardCharsets.UTF_8), CommandProcess.PATIENCE.toNanos()) != null,
                () -> "no '" + text + "' on the screen: " + shown.text());
    }

    String text() {
        return shown.text();
    }

    /** Waits for the end of the screen's reader; the terminal's other side is closed. */
    @Override
    public void close() {
        Uninterruptibly.join(reader);
    }

    private void read() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(4096);
            for (int count = StreamIo.read(pty.master(), buffer); count > 0; count = StreamIo.read(pty.master(), buffer)) {
                shown.append(buffer.asSlice(0, count).asByteBuffer());
            }
        } finally {
            shown.end();
        }
    }
}
