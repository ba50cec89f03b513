// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.platform;

import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;

/**
 * The MC146818's time registers as numbers: encoding and decoding in the formats that register B selects, and the
 * alarm's next match. Pure functions; a guest's nonsense (month 0, BCD digits above 9) carries over into the next
 * larger unit, as in QEMU.
 */
final class RtcCalendar {
    // Register numbers (MC146818A data sheet, "Address map").
    static final int RTC_SECONDS = 0x00;
    static final int RTC_SECONDS_ALARM = 0x01;
    static final int RTC_MINUTES = 0x02;
    static final int RTC_MINUTES_ALARM = 0x03;
    static final int RTC_HOURS = 0x04;
    static final int RTC_HOURS_ALARM = 0x05;
    static final int RTC_DAY_OF_WEEK = 0x06;
    static final int RTC_DAY_OF_MONTH = 0x07;
    static final int RTC_MONTH = 0x08;
    static final int RTC_YEAR = 0x09;

    /** Century, where the FADT of PCs says it is. */
    static final int RTC_CENTURY = 0x32;

    // Register B's format bits.
    static final int REG_B_24_HOURS = 1 << 1;
    static final int REG_B_BINARY = 1 << 2;

    /** An alarm register with both bits set matches any value. */
    private static final int ALARM_DO_NOT_CARE = 0xc0;

    private static final int ANY = -1;
    private static final int HOUR_PM = 0x80;
    private static final int SECONDS_PER_MINUTE = 60;
    private static final int MINUTES_PER_HOUR = 60;
    private static final int HOURS_PER_DAY = 24;
    private static final int SECONDS_PER_DAY = 86_400;

    private RtcCalendar() {}

    /** Tells whether a register holds time that runs: not an alarm. */
    static boolean isTimeRegister(int register) {
        return switch (register) {
            case RTC_SECONDS, RTC_MINUTES, RTC_HOURS, RTC_DAY_OF_WEEK, RTC_DAY_OF_MONTH, RTC_MONTH, RTC_YEAR,
                    RTC_CENTURY -> true;
            default -> false;
        };
    }

    /**
     * Stores a time into the time registers.
     *
     * @param epochSeconds seconds since 1970 in UTC
     * @param registerB the formats
     */
    static void encode(long epochSeconds, int registerB, int[] registers) {
        LocalDateTime time = LocalDateTime.ofEpochSecond(epochSeconds, 0, ZoneOffset.UTC);
        registers[RTC_SECONDS] = toFormat(time.getSecond(), registerB);
        registers[RTC_MINUTES] = toFormat(time.getMinute(), registerB);
        registers[RTC_HOURS] = encodeHour(time.getHour(), registerB);
        // Sunday is 1; java.time has it as 7.
        registers[RTC_DAY_OF_WEEK] = toFormat(time.getDayOfWeek().getValue() % 7 + 1, registerB);
        registers[RTC_DAY_OF_MONTH] = toFormat(time.getDayOfMonth(), registerB);
        registers[RTC_MONTH] = toFormat(time.getMonthValue(), registerB);
        registers[RTC_YEAR] = toFormat(Math.floorMod(time.getYear(), 100), registerB);
        registers[RTC_CENTURY] = toFormat(Math.floorDiv(time.getYear(), 100) % 100, registerB);
    }

    /** Returns the time registers' value in seconds since 1970 in UTC. */
    static long decode(int[] registers, int registerB) {
        int year = fromFormat(registers[RTC_CENTURY], registerB) * 100 + fromFormat(registers[RTC_YEAR], registerB);
        long day = LocalDate.of(year, 1, 1)
                .plusMonths(fromFormat(registers[RTC_MONTH], registerB) - 1L)
                .plusDays(fromFormat(registers[RTC_DAY_OF_MONTH], registerB) - 1L)
                .toEpochDay();
        int hour = decodeHour(registers[RTC_HOURS], registerB);
        int minute = fromFormat(registers[RTC_MINUTES], registerB);
        int second = fromFormat(registers[RTC_SECONDS], registerB);
        return day * SECONDS_PER_DAY
                + ((long) hour * MINUTES_PER_HOUR + minute) * SECONDS_PER_MINUTE
                + second;
    }

    /**
     * Returns the first second from one on at which the alarm registers match, or {@link Long#MAX_VALUE} where they
     * never do.
     *
     * @param fromEpochSeconds the first second that counts, since 1970
     */
    static long nextAlarm(long fromEpochSeconds, int[] registers, int registerB) {
        int hour = isAny(registers[RTC_HOURS_ALARM]) ? ANY : decodeHour(registers[RTC_HOURS_ALARM], registerB);
        int minute = isAny(registers[RTC_MINUTES_ALARM]) ? ANY : fromFormat(registers[RTC_MINUTES_ALARM], registerB);
        int second = isAny(registers[RTC_SECONDS_ALARM]) ? ANY : fromFormat(registers[RTC_SECONDS_ALARM], registerB);
        long dayStart = Math.floorDiv(fromEpochSeconds, SECONDS_PER_DAY) * (long) SECONDS_PER_DAY;
        int match = nextMatchInDay((int) (fromEpochSeconds - dayStart), hour, minute, second);
        if (match >= 0) {
            return dayStart + match;
        }
        match = nextMatchInDay(0, hour, minute, second);
        return match >= 0 ? dayStart + SECONDS_PER_DAY + match : Long.MAX_VALUE;
    }

    private static int nextMatchInDay(int fromSecondOfDay, int hour, int minute, int second) {
        for (int minuteOfDay = fromSecondOfDay / SECONDS_PER_MINUTE;
                minuteOfDay < HOURS_PER_DAY * MINUTES_PER_HOUR;
                minuteOfDay++) {
            boolean matches = (hour == ANY || hour == minuteOfDay / MINUTES_PER_HOUR)
                    && (minute == ANY || minute == minuteOfDay % MINUTES_PER_HOUR);
            if (matches) {
                int first = Math.max(fromSecondOfDay - minuteOfDay * SECONDS_PER_MINUTE, 0);
                int found = second == ANY ? first : second;
                if (found >= first && found < SECONDS_PER_MINUTE) {
                    return minuteOfDay * SECONDS_PER_MINUTE + found;
                }
            }
        }
        return -1;
    }

    private static boolean isAny(int alarmRegister) {
        return (alarmRegister & ALARM_DO_NOT_CARE) == ALARM_DO_NOT_CARE;
    }

    private static int encodeHour(int hour, int registerB) {
        if ((registerB & REG_B_24_HOURS) != 0) {
            return toFormat(hour, registerB);
        }
        int hourOnClockFace = hour % 12 == 0 ? 12 : hour % 12;
        return toFormat(hourOnClockFace, registerB) | (hour >= 12 ? HOUR_PM : 0);
    }

    private static int decodeHour(int value, int registerB) {
        if ((registerB & REG_B_24_HOURS) != 0) {
            return fromFormat(value, registerB);
        }
        int hour = fromFormat(value & ~HOUR_PM, registerB) % 12;
        return (value & HOUR_PM) != 0 ? hour + 12 : hour;
    }

    private static int toFormat(int number, int registerB) {
        return (registerB & REG_B_BINARY) != 0 ? number : ((number / 10) << 4) | (number % 10);
    }

    private static int fromFormat(int value, int registerB) {
        return (registerB & REG_B_BINARY) != 0 ? value : (value >>> 4) * 10 + (value & 0xf);
    }
}
