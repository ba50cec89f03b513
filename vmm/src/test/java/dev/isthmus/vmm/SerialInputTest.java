// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

@Timeout(30)
class SerialInputTest {
    private final SerialInput input = new SerialInput();

    @Test
    void bytesComeOutInOrderThroughManyWraps() throws Exception {
        byte[] sent = new byte[SerialInput.CAPACITY_BYTES * 5 + 123];
        new Random(2).nextBytes(sent);
        CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> putAll(sent));

        byte[] received = new byte[sent.length];
        byte[] buffer = new byte[5000];
        for (int length = 0; length < received.length; ) {
            int count = input.take(buffer, 4999);
            System.arraycopy(buffer, 0, received, length, count);
            length += count;
        }

        writer.get();
        assertArrayEquals(sent, received);
    }

    @Test
    void takeHoldsToItsLimit() throws Exception {
        input.put(new byte[] {1, 2, 3, 4}, 1);
        byte[] buffer = new byte[8];

        assertEquals(2, input.take(buffer, 2));
        assertArrayEquals(new byte[] {2, 3}, Arrays.copyOf(buffer, 2));
        assertEquals(1, input.take(buffer, 8));
        assertEquals(0, input.take(buffer, 8));
    }

    @Test
    void closingEndsAWriterThatWaitsForRoom() throws Exception {
        input.put(new byte[SerialInput.CAPACITY_BYTES], 0);
        CompletableFuture<Void> writer = CompletableFuture.runAsync(() -> putAll(new byte[1]));

        input.close();

        CompletionException failure = assertThrows(CompletionException.class, writer::join);
        assertInstanceOf(IllegalStateException.class, failure.getCause());
    }

    private void putAll(byte[] bytes) {
        try {
            for (int done = 0; done < bytes.length; ) {
                done += input.put(bytes, done);
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
