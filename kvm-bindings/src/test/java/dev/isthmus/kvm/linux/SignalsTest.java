// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Signals to threads; each test in a thread of its own, whose mask ends with it. */
@EnabledOnOs(OS.LINUX)
class SignalsTest {
    private static final long KICK = Signals.bit(Signals.KICK_SIGNAL);

    private static void inThread(Runnable body) throws InterruptedException {
        Throwable[] failure = new Throwable[1];
        Thread thread = new Thread(body);
        thread.setUncaughtExceptionHandler((failed, e) -> failure[0] = e);
        thread.start();
        thread.join(TimeUnit.SECONDS.toMillis(30));
        if (failure[0] != null) {
            throw new AssertionError(failure[0]);
        }
        assertFalse(thread.isAlive(), "the thread hangs");
    }

    @Test
    void blockedSignalStaysPendingUntilConsumed() throws InterruptedException {
        inThread(
                () -> {
                    Signals.block(KICK);
                    assertFalse(Signals.consume(Signals.KICK_SIGNAL));

                    assertTrue(Signals.sendToThread(Signals.currentThreadId(), Signals.KICK_SIGNAL));

                    assertTrue(Signals.consume(Signals.KICK_SIGNAL));
                    assertFalse(Signals.consume(Signals.KICK_SIGNAL));
                });
    }

    @Test
    void manyKicksAreOne() throws InterruptedException {
        inThread(
                () -> {
                    Signals.block(KICK);
                    for (int i = 0; i < 100; i++) {
                        Signals.sendToThread(Signals.currentThreadId(), Signals.KICK_SIGNAL);
                    }

                    assertTrue(Signals.consume(Signals.KICK_SIGNAL));
                    assertFalse(Signals.consume(Signals.KICK_SIGNAL));
                });
    }

    @Test
    void kickOfAThreadThatDoesNotExpectItDoesNothing() throws InterruptedException {
        inThread(
                () -> {
                    Signals.unblock(KICK);

                    assertTrue(Signals.sendToThread(Signals.currentThreadId(), Signals.KICK_SIGNAL));

                    Signals.block(KICK);
                    assertFalse(Signals.consume(Signals.KICK_SIGNAL));
                });
    }

    @Test
    void maskBeforeIsReturned() throws InterruptedException {
        inThread(
                () -> {
                    long before = Signals.block(KICK);
                    assertEquals(before | KICK, Signals.block(0));
                    assertEquals(before | KICK, Signals.unblock(KICK));
                    assertEquals(before & ~KICK, Signals.block(0));
                });
    }

    @Test
    void threadThatDoesNotExistIsNotFound() {
        assertFalse(Signals.sendToThread(Integer.MAX_VALUE, Signals.KICK_SIGNAL));
    }

    @Test
    void impossibleSignalsAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> Signals.bit(0));
        assertThrows(IllegalArgumentException.class, () -> Signals.bit(65));
        ErrnoException e =
                assertThrows(
                        ErrnoException.class,
                        () -> Signals.sendToThread(Signals.currentThreadId(), 65));
        assertEquals(Errno.EINVAL, e.errno());
    }
}
