// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class ScatterListTest {
    private final MemorySegment segment = MemorySegment.ofArray(new byte[100]);
    private final ScatterList list = new ScatterList();

    @Test
    void elementsAreKeptInOrderBeyondTheInitialCapacity() {
        for (int i = 0; i < 20; i++) {
            list.add(segment, i, i + 1);
        }

        assertEquals(20, list.count());
        assertEquals(210, list.totalBytes());
        assertEquals(19, list.offset(19));
        assertEquals(20, list.lengthBytes(19));
        assertEquals(segment, list.segment(19));
    }

    @Test
    void emptyRangesAreLeftOut() {
        list.add(segment, 100, 0);

        assertEquals(0, list.count());
    }

    @Test
    void rangesOutsideTheirSegmentAreRefused() {
        assertThrows(IndexOutOfBoundsException.class, () -> list.add(segment, 99, 2));
        assertThrows(IndexOutOfBoundsException.class, () -> list.add(segment, -1, 1));
        assertThrows(IndexOutOfBoundsException.class, () -> list.add(segment, 1, Long.MAX_VALUE));
    }

    @Test
    void clearedListIsEmptyAndItsOldElementsAreOutOfReach() {
        list.add(segment, 0, 1);
        list.clear();

        assertEquals(0, list.totalBytes());
        assertThrows(IndexOutOfBoundsException.class, () -> list.segment(0));
    }

    @Test
    void sliceSkipsAndEndsWithinElements() {
        list.add(segment, 0, 10);
        list.add(segment, 20, 10);
        list.add(segment, 40, 10);
        ScatterList slice = new ScatterList();

        slice.addSlice(list, 15, 10);

        assertEquals(2, slice.count());
        assertEquals(25, slice.offset(0));
        assertEquals(5, slice.lengthBytes(0));
        assertEquals(40, slice.offset(1));
        assertEquals(5, slice.lengthBytes(1));
    }

    @Test
    void sliceBeyondTheEndIsRefused() {
        list.add(segment, 0, 10);

        assertThrows(IndexOutOfBoundsException.class, () -> new ScatterList().addSlice(list, 5, 6));
    }

    @Test
    void byteIsSetInTheRightElement() {
        list.add(segment, 0, 10);
        list.add(segment, 50, 10);

        list.setByte(12, (byte) 7);

        assertEquals(7, segment.get(ValueLayout.JAVA_BYTE, 52));
        assertThrows(IndexOutOfBoundsException.class, () -> list.setByte(20, (byte) 1));
    }
}
