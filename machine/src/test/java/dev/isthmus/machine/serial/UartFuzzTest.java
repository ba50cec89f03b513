// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.util.Random;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A guest that accesses registers at random while the host sends, blocks and resets at random. */
class UartFuzzTest {
    private static final int STEPS = 200_000;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void anyAccessesLeaveTheInvariantsStanding(long seed) {
        UartRig rig = new UartRig();
        Random random = new Random(seed);
        int[] widths = {1, 1, 1, 1, 2, 4};
        for (int step = 0; step < STEPS; step++) {
            int width = widths[random.nextInt(widths.length)];
            int offset = random.nextInt(Uart16550.LENGTH_BYTES - width + 1);
            switch (random.nextInt(16)) {
                case 0, 1, 2, 3, 4, 5 -> rig.uart.write(offset, width, random.nextLong());
                case 6 -> rig.loop.runReady();
                case 7 -> rig.loop.advanceNanos(random.nextInt(1_000_000));
                case 8 -> rig.host.allow(random.nextInt(100));
                case 9 -> sendWhatFits(rig, random);
                case 10 -> rig.host.port().receiveBreak();
                case 11 -> {
                    if (random.nextInt(100) == 0) {
                        rig.uart.reset();
                    }
                }
                default -> {
                    long value = rig.uart.read(offset, width);
                    assertEquals(0, value & (-1L << (width * Byte.SIZE)), "zero-extended");
                }
            }
            if (step % 64 == 0) {
                assertConsistent(rig);
            }
        }
    }

    private static void sendWhatFits(UartRig rig, Random random) {
        int length = Math.min(random.nextInt(64), rig.host.port().receiveRoom());
        rig.host.send("y".repeat(length));
    }

    private static void assertConsistent(UartRig rig) {
        // Reading IIR may acknowledge THRE, so first the line and then the reason.
        boolean level = rig.irq.level();
        int id = rig.in(UartRegisters.IIR_FCR);
        assertEquals(level, (id & UartRegisters.IIR_NO_INTERRUPT) == 0, "the line follows IIR");
        int lsr = rig.in(UartRegisters.LSR);
        assertEquals((lsr & UartRegisters.LSR_THRE) != 0, (lsr & UartRegisters.LSR_TEMT) != 0);
        assertTrue(rig.host.port().receiveRoom() <= ReceiveQueue.LINE_CHARACTERS);
    }
}
