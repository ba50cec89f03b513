// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.platform;

import java.time.Duration;
import java.time.Instant;
import java.util.Random;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;

import dev.isthmus.testing.device.FakeLevelIrqLine;
import dev.isthmus.testing.device.ManualEventLoop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class CmosRtcTest {
    private static final int REG_A = 0x0a;
    private static final int REG_B = 0x0b;
    private static final int REG_C = 0x0c;
    private static final int REG_D = 0x0d;
    private static final int CENTURY = 0x32;

    private static final int UIP = 0x80;
    private static final int SET = 0x80;
    private static final int PIE = 0x40;
    private static final int AIE = 0x20;
    private static final int UIE = 0x10;
    private static final int BINARY = 0x04;
    private static final int HOURS_24 = 0x02;
    private static final int IRQF = 0x80;
    private static final int PF = 0x40;
    private static final int AF = 0x20;
    private static final int UF = 0x10;

    private static final long GIB = 1L << 30;

    private final ManualEventLoop loop = new ManualEventLoop();
    private final FakeLevelIrqLine irq = new FakeLevelIrqLine();
    private Instant hostTime = Instant.parse("2026-03-29T23:58:57Z");
    private final CmosRtc rtc = new CmosRtc(irq, loop, () -> hostTime, 3 * GIB, 5 * GIB);

    private int read(int register) {
        rtc.write(0, 1, register);
        return (int) rtc.read(1, 1);
    }

    private void write(int register, int value) {
        rtc.write(0, 1, register);
        rtc.write(1, 1, value);
        loop.runReady();
    }

    /** Lets time pass for the host's clock and the loop alike, in small steps as it does. */
    private void pass(Duration duration) {
        long left = duration.toNanos();
        while (left > 0) {
            long step = Math.min(left, TimeUnit.MILLISECONDS.toNanos(10));
            hostTime = hostTime.plusNanos(step);
            loop.advanceNanos(step);
            left -= step;
        }
    }

    private void assertTime(String registers) {
        assertEquals(
                registers,
                String.format(
                        "%02x%02x-%02x-%02x %02x:%02x:%02x day %x",
                        read(CENTURY), read(9), read(8), read(7), read(4), read(2), read(0), read(6)));
    }

    @Test
    void timeIsTheHostsInUtcAsBcdAnd24Hours() {
        assertTime("2026-03-29 23:58:57 day 1");
        assertEquals(HOURS_24, read(REG_B));
        assertEquals(0x80, read(REG_D), "VRT alone: Linux takes other bits for a broken clock");
        assertEquals(0x26, read(REG_A));
    }

    @Test
    void timeGoesOnPastMidnightAndMonthsEnd() {
        hostTime = Instant.parse("2028-02-28T23:59:59Z");
        assertTime("2028-02-28 23:59:59 day 2");
        hostTime = hostTime.plusSeconds(1);
        assertTime("2028-02-29 00:00:00 day 3");
        hostTime = Instant.parse("2100-01-01T00:00:00Z");
        assertTime("2100-01-01 00:00:00 day 6");
    }

    @Test
    void binaryAndTwelveHourFormatsFollowRegisterB() {
        write(REG_B, BINARY | HOURS_24);
        assertEquals(58, read(2));
        assertEquals(23, read(4));
        assertEquals(20, read(CENTURY));
        write(REG_B, 0);
        assertEquals(0x91, read(4), "11 PM in BCD");
        hostTime = Instant.parse("2026-03-29T00:30:00Z");
        assertEquals(0x12, read(4), "midnight is 12 AM");
        hostTime = Instant.parse("2026-03-29T12:30:00Z");
        assertEquals(0x92, read(4), "noon is 12 PM");
    }

    @Test
    void updateInProgressPrecedesTheSecondBy244Microseconds() {
        hostTime = Instant.parse("2026-03-29T10:00:00.999755Z");
        assertEquals(0, read(REG_A) & UIP);
        hostTime = Instant.parse("2026-03-29T10:00:00.999756Z");
        assertEquals(UIP, read(REG_A) & UIP);
        hostTime = Instant.parse("2026-03-29T10:00:01Z");
        assertEquals(0, read(REG_A) & UIP);
    }

    @Test
    void noUpdateIsInProgressWhileSetHoldsTheClock() {
        hostTime = Instant.parse("2026-03-29T10:00:00.9999Z");
        write(REG_B, SET | HOURS_24);

        assertEquals(0, read(REG_A) & UIP);
        hostTime = hostTime.plusSeconds(100);
        assertTime("2026-03-29 10:00:00 day 1");
    }

    @Test
    void timeThatLinuxSetsGoesOnFromThereAndTheFirstSecondIsHalf() {
        // mc146818_set_time(): SET, divider reset, registers, both back.
        write(REG_B, SET | HOURS_24);
        write(REG_A, 0x76);
        write(9, 0x30);
        write(8, 0x12);
        write(7, 0x31);
        write(4, 0x23);
        write(2, 0x59);
        write(0, 0x58);
        write(CENTURY, 0x20);
        write(REG_B, HOURS_24);
        write(REG_A, 0x26);

        assertTime("2030-12-31 23:59:58 day 3");
        hostTime = hostTime.plusMillis(499);
        assertTime("2030-12-31 23:59:58 day 3");
        hostTime = hostTime.plusMillis(1);
        assertTime("2030-12-31 23:59:59 day 3");
        hostTime = hostTime.plusSeconds(1);
        assertTime("2031-01-01 00:00:00 day 4");
    }

    @Test
    void timeRegisterWrittenWhileTheClockRunsCountsAtOnce() {
        write(4, 0x05);
        hostTime = hostTime.plusSeconds(4);

        assertTime("2026-03-29 05:59:01 day 1");
    }

    @Test
    void setTimeSurvivesReset() {
        write(4, 0x05);

        rtc.reset();

        assertTime("2026-03-29 05:58:57 day 1");
    }

    @Test
    void nonsenseTimesCarryOverAndNeverThrow() {
        write(REG_B, SET | HOURS_24);
        write(8, 0x00);
        write(7, 0xff);
        write(4, 0xff);
        write(CENTURY, 0xff);
        write(REG_B, HOURS_24);

        read(0);
        assertEquals(0x80, read(REG_D));
    }

    @Test
    void updateInterruptComesEverySecondOnceTheFlagsAreRead() {
        write(REG_B, HOURS_24 | UIE);
        pass(Duration.ofMillis(990));
        assertFalse(irq.level());
        pass(Duration.ofMillis(20));
        assertTrue(irq.level());
        assertEquals(IRQF | UF, read(REG_C) & (IRQF | UF));
        assertFalse(irq.level());
        assertEquals(0, read(REG_C));
        loop.runReady();

        pass(Duration.ofSeconds(1));

        assertTrue(irq.level());
        assertEquals(2, irq.takeEdges());
    }

    @Test
    void flagsAreSetWithoutInterruptsToo() {
        read(REG_C);
        pass(Duration.ofSeconds(1));

        assertEquals(UF | PF, read(REG_C));
        assertEquals(0, irq.takeEdges());
    }

    @Test
    void enablingAnInterruptWhoseFlagIsSetRaisesIt() {
        pass(Duration.ofSeconds(1));
        assertFalse(irq.level());

        write(REG_B, HOURS_24 | UIE);

        assertTrue(irq.level());
    }

    @Test
    void alarmInterruptsAtItsTime() {
        write(5, 0x23);
        write(3, 0x59);
        write(1, 0x02);
        write(REG_B, HOURS_24 | AIE);

        pass(Duration.ofMillis(4_990));
        assertFalse(irq.level());
        pass(Duration.ofMillis(20));

        assertTrue(irq.level());
        assertEquals(IRQF | AF, read(REG_C) & (IRQF | AF));
    }

    @Test
    void alarmThatDoesNotCareComesEveryMinute() {
        write(5, 0xc0);
        write(3, 0xff);
        write(1, 0x00);
        write(REG_B, HOURS_24 | AIE);

        pass(Duration.ofSeconds(4));
        assertEquals(AF, read(REG_C) & AF);
        loop.runReady();
        pass(Duration.ofSeconds(58));
        assertFalse(irq.level());
        pass(Duration.ofSeconds(1));
        assertTrue(irq.level());
    }

    @Test
    void alarmBehindTheHostsClockThatIsSetForwardComesWithinAMinute() {
        write(5, 0x12);
        write(3, 0x00);
        write(1, 0x00);
        write(REG_B, HOURS_24 | AIE);
        loop.runReady();
        hostTime = hostTime.plus(Duration.ofHours(20));

        loop.advanceNanos(TimeUnit.SECONDS.toNanos(60));

        assertTrue(irq.level());
    }

    @Test
    void periodicInterruptComesAtItsRateAndOnlyAfterAReadOfRegisterC() {
        write(REG_A, 0x2f);
        read(REG_C);
        write(REG_B, HOURS_24 | PIE);
        int interrupts = 0;
        for (int ms = 0; ms < 10_000; ms += 10) {
            pass(Duration.ofMillis(10));
            if (irq.level()) {
                assertNotEquals(0, read(REG_C) & PF);
                loop.runReady();
                interrupts++;
            }
        }
        assertEquals(20, interrupts, "2 Hz for 10 s");

        pass(Duration.ofSeconds(10));
        assertEquals(21, irq.takeEdges(), "not again before the flags are read");
    }

    @Test
    void rateZeroAndDividerResetSwitchThePeriodicInterruptOff() {
        read(REG_C);
        write(REG_A, 0x20);
        read(REG_C);
        write(REG_B, HOURS_24 | PIE);
        pass(Duration.ofSeconds(2));
        assertFalse(irq.level());

        write(REG_A, 0x6f);
        read(REG_C);
        pass(Duration.ofSeconds(2));

        assertFalse(irq.level());
    }

    @Test
    void setClearsTheUpdateInterruptEnable() {
        write(REG_B, HOURS_24 | UIE | SET);

        assertEquals(HOURS_24 | SET, read(REG_B));
    }

    @Test
    void resetSwitchesInterruptsOffAndLowersTheLine() {
        write(REG_B, HOURS_24 | UIE);
        pass(Duration.ofSeconds(1));
        assertTrue(irq.level());

        rtc.reset();

        assertFalse(irq.level());
        assertEquals(HOURS_24, read(REG_B));
    }

    @Test
    void memorySizesAreWhereBiosesHaveThem() {
        assertEquals(640, read(0x15) | (read(0x16) << 8));
        assertEquals(0xffff, read(0x17) | (read(0x18) << 8));
        assertEquals(0xffff, read(0x30) | (read(0x31) << 8));
        assertEquals(((3 * GIB) >> 16) - 256, read(0x34) | (read(0x35) << 8));
        assertEquals((5 * GIB) >> 16, read(0x5b) | (read(0x5c) << 8) | ((long) read(0x5d) << 16));
    }

    @Test
    void smallMemoryHasNothingAboveSixteenMebibytes() {
        CmosRtc small = new CmosRtc(irq, loop, () -> hostTime, 8 << 20, 0);
        small.write(0, 1, 0x30);
        assertEquals(0x00, small.read(1, 1), "7 MiB are 0x1c00 KiB");
        small.write(0, 1, 0x31);
        assertEquals(0x1c, small.read(1, 1));
        small.write(0, 1, 0x34);
        assertEquals(0, small.read(1, 1));
    }

    @Test
    void otherBytesAreMemoryThatSurvivesReset() {
        write(0x40, 0x5a);
        rtc.write(0, 2, 0xa5_41);
        rtc.write(0, 1, 0x80 | 0x42);
        rtc.write(1, 1, 0x77);

        rtc.reset();

        assertEquals(0x5a, read(0x40));
        assertEquals(0xa5, read(0x41));
        assertEquals(0x77, read(0x42), "bit 7 of the index masks NMIs");
        assertEquals(0xff, rtc.read(0, 1), "the index is write-only");
    }

    @Test
    void ps2CenturyIsTheCentury() {
        assertEquals(0x20, read(0x37));
        write(0x37, 0x19);
        assertEquals(0x19, read(CENTURY));
    }

    @Test
    void anyAccessesLeaveBytesInTheRegisters() {
        Random random = new Random(7);
        for (int i = 0; i < 200_000; i++) {
            int width = 1 << random.nextInt(2);
            rtc.write(random.nextInt(3 - width), width, random.nextLong());
            assertEquals(0, rtc.read(1, 1) & ~0xffL);
            if (random.nextInt(8) == 0) {
                hostTime = hostTime.plusMillis(random.nextInt(2000) - 100);
                loop.runOnce();
            }
            if (random.nextInt(1000) == 0) {
                rtc.reset();
            }
        }
    }
}
