// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.platform;

import java.time.Instant;
import java.time.InstantSource;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.BusDevice;
import dev.isthmus.device.EventLoop;
import dev.isthmus.device.IrqLine;
import dev.isthmus.device.LoopTimer;

/**
 * The PC's CMOS memory with its real-time clock, a Motorola MC146818A.
 *
 * <pre>
 *  offset 0  (port 0x70)  index of the register, bits 6:0; write-only, reads 0xff
 *  offset 1  (port 0x71)  the register
 *
 *  0x00 to 0x09  time and alarm, BCD or binary, 12 or 24 hours as register B says
 *  0x0a to 0x0d  registers A to D
 *  0x14          equipment: a coprocessor
 *  0x15, 0x16    base memory in KiB                        ┐
 *  0x17, 0x18    memory from 1 MiB on in KiB, at most 65535 │ as QEMU and the BIOSes before it
 *  0x30, 0x31    the same once more                         │ have them, low byte first
 *  0x34, 0x35    memory from 16 MiB to 4 GiB in 64 KiB      │
 *  0x5b to 0x5d  memory from 4 GiB on in 64 KiB            ┘
 *  0x32          century (0x37 is the same register, as on PS/2 machines)
 *  others        128 bytes in all, kept as written, across resets too
 * </pre>
 *
 * <p>The time is the host's in UTC plus an offset that a guest makes by setting it. Setting follows the data sheet:
 * while SET or the divider's reset holds the clock, the time registers are plain memory; a divider that is let go
 * ticks half a second later. Flags in register C are worked out from the time when somebody looks; the loop's timer
 * runs only while an interrupt is enabled whose flag is clear, so an idle clock costs nothing and a guest can't make
 * it fire faster than it reads register C.
 *
 * <p>Register accesses on vCPU threads under one lock; the timer on the loop's thread.
 */
public final class CmosRtc implements BusDevice {
    /** Number of ports. */
    public static final int LENGTH_BYTES = 2;

    private static final int REGISTERS = 128;

    private static final int RTC_REG_A = 0x0a;
    private static final int RTC_REG_B = 0x0b;
    private static final int RTC_REG_C = 0x0c;
    private static final int RTC_REG_D = 0x0d;
    private static final int CMOS_EQUIPMENT = 0x14;
    private static final int CMOS_BASE_MEMORY_KIB = 0x15;
    private static final int CMOS_EXTENDED_MEMORY_KIB = 0x17;
    private static final int CMOS_EXTENDED_MEMORY_KIB_AGAIN = 0x30;
    private static final int CMOS_MEMORY_ABOVE_16_MIB = 0x34;
    private static final int CMOS_MEMORY_ABOVE_4_GIB = 0x5b;
    private static final int CMOS_PS2_CENTURY = 0x37;

    // Register A.
    private static final int REG_A_UIP = 1 << 7;
    private static final int REG_A_RATE_MASK = 0xf;
    private static final int REG_A_DIVIDER_MASK = 0x70;

    /** Divider bits 11x hold the divider in reset. */
    private static final int REG_A_DIVIDER_RESET = 0x60;

    /** A 32,768 Hz time base and a rate of 1,024 Hz: what BIOSes set. */
    private static final int REG_A_DEFAULT = 0x26;

    // Registers B and C: enable bits and flags are in the same places.
    private static final int REG_B_SET = 1 << 7;
    private static final int PERIODIC = 1 << 6;
    private static final int ALARM = 1 << 5;
    private static final int UPDATE = 1 << 4;
    private static final int INTERRUPTS = PERIODIC | ALARM | UPDATE;
    private static final int REG_B_SQUARE_WAVE = 1 << 3;
    private static final int REG_C_IRQF = 1 << 7;

    /** Register D: RAM and time are valid (the battery is fine). */
    private static final int REG_D_VRT = 1 << 7;

    private static final int EQUIPMENT_COPROCESSOR = 1 << 1;
    private static final int BASE_MEMORY_KIB = 640;

    private static final long MICROS_PER_SECOND = 1_000_000;
    private static final long NANOS_PER_SECOND = 1_000_000_000;
    private static final long NANOS_PER_MICRO = 1_000;

    /** From UIP's rise to the update: t_BUC in the data sheet. */
    private static final long UIP_LEAD_MICROS = 244;

    private static final long CRYSTAL_HZ = 32_768;

    /** The clock may be stepped on the host, so a far alarm is looked at again now and then. */
    private static final long LONGEST_TIMER_MICROS = 60 * MICROS_PER_SECOND;

    private static final long NEVER = Long.MAX_VALUE;

    private final EventLoop loop;
    private final InstantSource clock;
    private final IrqLevel irq;
    private final BottomHalf rearm;
    private final LoopTimer timer;
    private final Object lock = new Object();

    // All below guarded by lock.
    private final int[] registers = new int[REGISTERS];
    private int index;

    /** Guest time minus host time, in microseconds. */
    private long offsetMicros;

    /** The guest second up to which update and alarm flags have been worked out. */
    private long flaggedSecond;

    /** The tick of the crystal up to which the periodic flag has been worked out. */
    private long flaggedCrystalTick;

    /**
     * Makes the device of a machine. Any thread.
     *
     * @param irq the clock's interrupt, IRQ 8 on PCs
     * @param loop what runs the timers
     * @param clock the time of the host; UTC
     * @param lowRamBytes RAM below 4 GiB, from address 0
     * @param highRamBytes RAM from 4 GiB on
     */
    public CmosRtc(IrqLine irq, EventLoop loop, InstantSource clock, long lowRamBytes, long highRamBytes) {
        this.irq = new IrqLevel(irq);
        this.loop = loop;
        this.clock = clock;
        this.rearm = loop.newBottomHalf(new Rearm());
        this.timer = loop.newTimer(new Rearm());
        registers[RTC_REG_A] = REG_A_DEFAULT;
        registers[RTC_REG_B] = RtcCalendar.REG_B_24_HOURS;
        registers[RTC_REG_D] = REG_D_VRT;
        registers[CMOS_EQUIPMENT] = EQUIPMENT_COPROCESSOR;
        describeMemory(lowRamBytes, highRamBytes);
        flaggedSecond = Math.floorDiv(guestMicros(), MICROS_PER_SECOND);
        flaggedCrystalTick = crystalTick();
    }

    private void describeMemory(long lowRamBytes, long highRamBytes) {
        long aboveOneMibKib = Math.clamp((lowRamBytes >> 10) - 1024, 0, 0xffff);
        long above16Mib = Math.clamp((lowRamBytes >> 16) - 256, 0, 0xffff);
        long above4Gib = Math.clamp(highRamBytes >> 16, 0, 0xff_ffff);
        storeLittleEndian(CMOS_BASE_MEMORY_KIB, 2, BASE_MEMORY_KIB);
        storeLittleEndian(CMOS_EXTENDED_MEMORY_KIB, 2, aboveOneMibKib);
        storeLittleEndian(CMOS_EXTENDED_MEMORY_KIB_AGAIN, 2, aboveOneMibKib);
        storeLittleEndian(CMOS_MEMORY_ABOVE_16_MIB, 2, above16Mib);
        storeLittleEndian(CMOS_MEMORY_ABOVE_4_GIB, 3, above4Gib);
    }

    private void storeLittleEndian(int register, int lengthBytes, long value) {
        for (int i = 0; i < lengthBytes; i++) {
            registers[register + i] = (int) (value >>> (i * Byte.SIZE)) & 0xff;
        }
    }

    /**
     * Takes the state that the chip's RESET pin makes: interrupts off, flags clear. Time, formats and memory stay, as
     * the battery keeps them. Any thread.
     */
    public void reset() {
        synchronized (lock) {
            index = 0;
            registers[RTC_REG_B] &= ~(INTERRUPTS | REG_B_SQUARE_WAVE);
            takeFlags();
        }
        irq.deliver();
    }

    @Override
    public long read(long offset, int sizeBytes) {
        long value = 0;
        boolean flagsTaken = false;
        synchronized (lock) {
            for (int i = 0; i < sizeBytes; i++) {
                long octet = 0xff;
                if (offset + i == 1) {
                    octet = readRegister(index);
                    flagsTaken = index == RTC_REG_C && interruptsEnabled() != 0;
                }
                value |= octet << (i * Byte.SIZE);
            }
        }
        irq.deliver();
        if (flagsTaken) {
            rearm.schedule();
        }
        return value;
    }

    @Override
    public void write(long offset, int sizeBytes, long value) {
        boolean timersChange = false;
        synchronized (lock) {
            for (int i = 0; i < sizeBytes; i++) {
                int octet = (int) (value >>> (i * Byte.SIZE)) & 0xff;
                if (offset + i == 0) {
                    // Bit 7 masks NMIs on PCs; there are none here.
                    index = octet & (REGISTERS - 1);
                } else if (offset + i == 1) {
                    int enabledBefore = interruptsEnabled();
                    writeRegister(index == CMOS_PS2_CENTURY ? RtcCalendar.RTC_CENTURY : index, octet);
                    timersChange = (enabledBefore | interruptsEnabled()) != 0;
                }
            }
        }
        irq.deliver();
        if (timersChange) {
            rearm.schedule();
        }
    }

    private int interruptsEnabled() {
        return registers[RTC_REG_B] & INTERRUPTS;
    }

    private int readRegister(int asked) {
        int register = asked == CMOS_PS2_CENTURY ? RtcCalendar.RTC_CENTURY : asked;
        if (RtcCalendar.isTimeRegister(register)) {
            refreshTimeRegisters();
            return registers[register];
        }
        return switch (register) {
            case RTC_REG_A -> registers[RTC_REG_A] | (updateInProgress() ? REG_A_UIP : 0);
            case RTC_REG_C -> takeFlags();
            default -> registers[register];
        };
    }

    private void writeRegister(int register, int value) {
        evaluateFlags();
        if (RtcCalendar.isTimeRegister(register)) {
            refreshTimeRegisters();
            registers[register] = value;
            if (!clockIsHeld()) {
                setTimeFromRegisters();
            }
            return;
        }
        switch (register) {
            case RTC_REG_A -> writeRegisterA(value);
            case RTC_REG_B -> writeRegisterB(value);
            case RTC_REG_C, RTC_REG_D -> {
                // Read-only.
            }
            default -> registers[register] = value;
        }
        updateIrq();
    }

    private void writeRegisterA(int value) {
        boolean dividerWasReset = dividerIsReset();
        refreshTimeRegisters();
        registers[RTC_REG_A] = value & ~REG_A_UIP;
        if (dividerWasReset && !dividerIsReset()) {
            // Data sheet, "Divider control": the first update comes half a second after the reset is removed.
            long subSecond = Math.floorMod(guestMicros(), MICROS_PER_SECOND);
            offsetMicros += MICROS_PER_SECOND / 2 - subSecond;
            if (!clockIsHeld()) {
                setTimeFromRegisters();
            }
        }
    }

    private void writeRegisterB(int value) {
        boolean wasHeld = clockIsHeld();
        refreshTimeRegisters();
        // Data sheet, "SET": it clears UIE.
        registers[RTC_REG_B] = (value & REG_B_SET) != 0 ? value & ~UPDATE : value;
        if (wasHeld && !clockIsHeld()) {
            setTimeFromRegisters();
        }
    }

    private boolean dividerIsReset() {
        return (registers[RTC_REG_A] & REG_A_DIVIDER_MASK & REG_A_DIVIDER_RESET) == REG_A_DIVIDER_RESET;
    }

    private boolean clockIsHeld() {
        return (registers[RTC_REG_B] & REG_B_SET) != 0 || dividerIsReset();
    }

    private void refreshTimeRegisters() {
        if (!clockIsHeld()) {
            RtcCalendar.encode(Math.floorDiv(guestMicros(), MICROS_PER_SECOND), registers[RTC_REG_B], registers);
        }
    }

    /** Takes the time registers for the time; the fraction of the second goes on. */
    private void setTimeFromRegisters() {
        long nowMicros = guestMicros();
        long second = RtcCalendar.decode(registers, registers[RTC_REG_B]);
        offsetMicros += second * MICROS_PER_SECOND + Math.floorMod(nowMicros, MICROS_PER_SECOND) - nowMicros;
        flaggedSecond = second;
    }

    private boolean updateInProgress() {
        return !clockIsHeld()
                && Math.floorMod(guestMicros(), MICROS_PER_SECOND) >= MICROS_PER_SECOND - UIP_LEAD_MICROS;
    }

    private long guestMicros() {
        Instant now = clock.instant();
        return now.getEpochSecond() * MICROS_PER_SECOND + now.getNano() / NANOS_PER_MICRO + offsetMicros;
    }

    /** Returns the crystal's ticks since the loop's clock began. */
    private long crystalTick() {
        long nanos = loop.nanoTime();
        return Math.floorDiv(nanos, NANOS_PER_SECOND) * CRYSTAL_HZ
                + Math.floorMod(nanos, NANOS_PER_SECOND) * CRYSTAL_HZ / NANOS_PER_SECOND;
    }

    /** Returns the crystal ticks of a period, or 0 where the periodic interrupt is switched off. */
    private long periodCrystalTicks() {
        int rate = registers[RTC_REG_A] & REG_A_RATE_MASK;
        if (rate == 0 || dividerIsReset()) {
            return 0;
        }
        // Data sheet, table 5: with this time base, rates 1 and 2 are those of 8 and 9.
        int shift = rate <= 2 ? rate + 6 : rate - 1;
        return 1L << shift;
    }

    /** Sets the flags of what has happened since the last time. */
    private void evaluateFlags() {
        if (!clockIsHeld()) {
            long second = Math.floorDiv(guestMicros(), MICROS_PER_SECOND);
            if (second > flaggedSecond) {
                registers[RTC_REG_C] |= UPDATE;
                if (RtcCalendar.nextAlarm(flaggedSecond + 1, registers, registers[RTC_REG_B]) <= second) {
                    registers[RTC_REG_C] |= ALARM;
                }
            }
            // Backwards too, where the host's clock was set back: otherwise nothing would happen for as long.
            flaggedSecond = second;
        }
        long tick = crystalTick();
        long period = periodCrystalTicks();
        if (period != 0 && Math.floorDiv(tick, period) > Math.floorDiv(flaggedCrystalTick, period)) {
            registers[RTC_REG_C] |= PERIODIC;
        }
        flaggedCrystalTick = tick;
    }

    /** Reads register C, which clears it. */
    private int takeFlags() {
        evaluateFlags();
        updateIrq();
        int flags = registers[RTC_REG_C];
        registers[RTC_REG_C] = 0;
        irq.set(false);
        return flags;
    }

    private void updateIrq() {
        boolean asserted = (registers[RTC_REG_C] & interruptsEnabled()) != 0;
        registers[RTC_REG_C] = (registers[RTC_REG_C] & INTERRUPTS) | (asserted ? REG_C_IRQF : 0);
        irq.set(asserted);
    }

    /** Returns how long it is until an enabled interrupt's flag will be set, or {@link #NEVER}. */
    private long nanosToNextInterrupt() {
        int waiting = interruptsEnabled() & ~registers[RTC_REG_C];
        long micros = NEVER;
        if (!clockIsHeld() && (waiting & (UPDATE | ALARM)) != 0) {
            long nextSecond = flaggedSecond + 1;
            if ((waiting & UPDATE) == 0) {
                nextSecond = RtcCalendar.nextAlarm(nextSecond, registers, registers[RTC_REG_B]);
            }
            if (nextSecond != NEVER) {
                micros = Math.clamp(nextSecond * MICROS_PER_SECOND - guestMicros(), 0, LONGEST_TIMER_MICROS);
            }
        }
        long nanos = micros == NEVER ? NEVER : micros * NANOS_PER_MICRO;
        long period = periodCrystalTicks();
        if ((waiting & PERIODIC) != 0 && period != 0) {
            long ticks = period - Math.floorMod(flaggedCrystalTick, period);
            // Rounded up: a timer that fires a moment early would find nothing to do and be armed again.
            nanos = Math.min(nanos, (ticks * NANOS_PER_SECOND + CRYSTAL_HZ - 1) / CRYSTAL_HZ);
        }
        return nanos;
    }

    /** Sets due flags, raises the interrupt and waits for the next one. Loop thread. */
    private final class Rearm implements Runnable {
        @Override
        public void run() {
            assert loop.inLoop();
            long nanos;
            synchronized (lock) {
                evaluateFlags();
                updateIrq();
                nanos = nanosToNextInterrupt();
            }
            irq.deliver();
            if (nanos == NEVER) {
                timer.cancel();
            } else {
                timer.arm(loop.nanoTime() + nanos);
            }
        }
    }
}
