// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.bus;

import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.device.BusDevice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class BusTest {
    /** Answers with more bits than asked for, and writes down what it is asked. */
    private static final class Recorder implements BusDevice {
        private final List<String> accesses = new ArrayList<>();

        @Override
        public long read(long offset, int sizeBytes) {
            accesses.add("read " + offset + " " + sizeBytes);
            return 0x8877_6655_4433_2211L;
        }

        @Override
        public void write(long offset, int sizeBytes, long value) {
            accesses.add("write " + offset + " " + sizeBytes + " " + Long.toHexString(value));
        }
    }

    private final Recorder low = new Recorder();
    private final Recorder high = new Recorder();
    private final Bus bus = new Bus.Builder()
            .add("high", 0x2000, 0x100, high)
            .add("low", 0x1000, 8, low)
            .build();

    @Test
    void accessReachesTheDeviceWithItsOffset() {
        bus.write(0x1004, 4, 0xabcd);
        bus.read(0x20ff, 1);

        assertEquals(List.of("write 4 4 abcd"), low.accesses);
        assertEquals(List.of("read 255 1"), high.accesses);
    }

    @ParameterizedTest
    @CsvSource({"1, 11", "2, 2211", "3, 332211", "4, 44332211", "7, 77665544332211", "8, 8877665544332211"})
    void answerIsCutToTheWidthOfTheAccess(int sizeBytes, String expected) {
        assertEquals(Long.parseUnsignedLong(expected, 16), bus.read(0x1000, sizeBytes));
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 0xfff, 0x1005, 0x1008, 0x1fff, 0x20fd, 0x2100, Long.MAX_VALUE, Long.MIN_VALUE, -1, -4})
    void accessNotWhollyWithinADeviceIsUnclaimed(long address) {
        bus.write(address, 4, 0);

        assertEquals(0xffff_ffffL, bus.read(address, 4));
        assertTrue(low.accesses.isEmpty() && high.accesses.isEmpty());
    }

    @Test
    void busWithoutDevicesReadsAllOnes() {
        assertEquals(-1L, new Bus.Builder().build().read(0, 8));
    }

    @ParameterizedTest
    @CsvSource({"0xff9, 8", "0x1007, 1", "0x1000, 8", "0xfff, 0x1000", "0x1004, 0x2000"})
    void overlappingRangeIsRefusedNamingBoth(String start, String lengthBytes) {
        Bus.Builder builder = new Bus.Builder().add("first", 0x1000, 8, low);

        IllegalArgumentException e = assertThrows(
                IllegalArgumentException.class,
                () -> builder.add("second", Long.decode(start), Long.decode(lengthBytes), high));

        assertTrue(String.valueOf(e.getMessage()).contains("second"), e.getMessage());
        assertTrue(String.valueOf(e.getMessage()).contains("first"), e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({"-1, 8", "0, 0", "0, -1", "0x7fffffffffffffff, 2"})
    void rangeThatIsNoneIsRefused(String start, String lengthBytes) {
        Bus.Builder builder = new Bus.Builder();

        assertThrows(
                IllegalArgumentException.class,
                () -> builder.add("device", Long.decode(start), Long.decode(lengthBytes), low));
    }

    @Test
    void adjacentRangesAreEachOthersNeighbours() {
        Bus adjacent = new Bus.Builder().add("a", 0x10, 4, low).add("b", 0x14, 4, high).build();

        adjacent.read(0x13, 1);
        adjacent.read(0x14, 1);
        adjacent.read(0x12, 4);

        assertEquals(List.of("read 3 1"), low.accesses);
        assertEquals(List.of("read 0 1"), high.accesses);
    }
}
