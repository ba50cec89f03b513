// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

@Timeout(30)
class SerialCaptureTest {
    private static final long LONG_NANOS = 20_000_000_000L;

    private final SerialCapture capture = new SerialCapture();

    @Test
    void eachAwaitGoesOnBehindTheLastOne() throws Exception {
        append("login: root\n# ls\n# ");

        assertEquals("login: ", await("login: ", 0));
        assertEquals("root\n# ", await("# ", 0));
        assertEquals("ls\n# ", await("# ", 0));
        assertNull(await("# ", 0));
    }

    @Test
    void aTextThatComesInPiecesIsFound() throws Exception {
        CompletableFuture<@Nullable String> found = CompletableFuture.supplyAsync(() -> awaitUnchecked("prompt> "));

        for (char c : "booting... prompt> ".toCharArray()) {
            append(String.valueOf(c));
        }

        assertEquals("booting... prompt> ", found.get());
    }

    @Test
    void theEndWakesWhoeverWaits() throws Exception {
        CompletableFuture<@Nullable String> found = CompletableFuture.supplyAsync(() -> awaitUnchecked("never"));

        capture.end();

        assertNull(found.get());
        assertTrue(capture.hasEnded());
    }

    @Test
    void moreOutputThanIsKeptLosesTheOldestOnly() {
        byte[] all = new byte[SerialCapture.KEPT_BYTES * 3];
        new Random(1).nextBytes(all);
        for (int at = 0; at < all.length; at += 4000) {
            capture.append(ByteBuffer.wrap(all, at, Math.min(4000, all.length - at)));
        }

        byte[] kept = capture.toByteArray();

        assertTrue(kept.length >= SerialCapture.KEPT_BYTES / 2 && kept.length <= SerialCapture.KEPT_BYTES + 4000);
        byte[] expected = new byte[kept.length];
        System.arraycopy(all, all.length - kept.length, expected, 0, kept.length);
        assertArrayEquals(expected, kept);
        assertEquals(all.length, capture.endPosition());
    }

    @Test
    void aReaderBehindGetsTheOldestThatIsKept() throws Exception {
        byte[] chunk = new byte[SerialCapture.KEPT_BYTES];
        capture.append(ByteBuffer.wrap(chunk));
        capture.append(ByteBuffer.wrap(chunk));

        SerialCapture.Chunk first = capture.awaitFrom(0, 10);

        assertNotNull(first);
        assertTrue(first.position() > 0);
        assertEquals(10, first.bytes().length);
    }

    private void append(String text) {
        capture.append(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
    }

    private @Nullable String await(String text, long timeoutNanos) throws InterruptedException {
        byte[] found = capture.await(text.getBytes(StandardCharsets.UTF_8), timeoutNanos);
        return found == null ? null : new String(found, StandardCharsets.UTF_8);
    }

    private @Nullable String awaitUnchecked(String text) {
        try {
            return await(text, LONG_NANOS);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
