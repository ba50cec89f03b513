// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.irq;

import org.junit.jupiter.api.Test;

import dev.isthmus.device.IrqLine;
import dev.isthmus.testing.device.FakeIrqLine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class SharedIrqLineTest {
    private final FakeIrqLine line = new FakeIrqLine();
    private final SharedIrqLine shared = new SharedIrqLine(line);
    private final IrqLine first = shared.newInput();
    private final IrqLine second = shared.newInput();

    @Test
    void lineIsAssertedWhileAnyInputIs() {
        first.setLevel(true);
        second.setLevel(true);
        first.setLevel(false);
        assertTrue(line.level());

        second.setLevel(false);
        assertFalse(line.level());
    }

    @Test
    void inputThatIsAssertedTwiceIsReleasedOnce() {
        first.setLevel(true);
        first.setLevel(true);

        first.setLevel(false);

        assertFalse(line.level());
        first.setLevel(false);
        second.setLevel(true);
        assertTrue(line.level());
    }

    @Test
    void pulseOfOneInputLeavesTheOtherAsserted() {
        first.setLevel(true);

        second.pulse();

        assertTrue(line.level());
    }

    @Test
    void inputsOfSeveralThreadsLeaveTheLineAsTheInputsAre() throws InterruptedException {
        Thread[] threads = new Thread[2];
        for (int i = 0; i < threads.length; i++) {
            IrqLine input = shared.newInput();
            boolean last = i == 1;
            threads[i] = new Thread(() -> {
                for (int n = 0; n < 100_000; n++) {
                    input.setLevel(n % 2 == 0);
                }
                input.setLevel(last);
            });
            threads[i].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }

        assertEquals(true, line.level());
    }
}
