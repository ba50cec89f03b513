// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

import dev.isthmus.block.ImageCancelledException;
import dev.isthmus.block.Progress;
import dev.isthmus.block.qcow2.Qcow2Checker;
import dev.isthmus.block.qcow2.Qcow2CreateOptions;
import dev.isthmus.block.qcow2.Qcow2CreateOptions.Preallocation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Preallocation and checks tell how far they are, and end when they are asked to. */
class LongWorkTest {
    private static final int SIZE = 4 << 20;

    private final MemoryFolder folder = new MemoryFolder();
    private final Recorder progress = new Recorder();

    /** Remembers what it is told, and asks for an end after so many calls. */
    private static final class Recorder implements Progress {
        private int callsLeft = Integer.MAX_VALUE;
        private long doneBytes = -1;
        private long totalBytes = -1;

        @Override
        public void update(long done, long total) {
            assertTrue(done >= doneBytes && done <= total, () -> done + " after " + doneBytes);
            doneBytes = done;
            totalBytes = total;
            callsLeft--;
        }

        @Override
        public boolean cancelled() {
            return callsLeft <= 0;
        }
    }

    private static Qcow2CreateOptions options(Preallocation preallocation) {
        return new Qcow2CreateOptions(SIZE).clusterBytes(4096).preallocation(preallocation);
    }

    private void assertWholeWasTold() {
        assertEquals(SIZE, progress.doneBytes);
        assertEquals(SIZE, progress.totalBytes);
    }

    @ParameterizedTest
    @EnumSource(value = Preallocation.class, mode = Mode.EXCLUDE, names = "OFF")
    void preallocationOfAQcow2ImageTellsHowFarItIsAndCanBeEnded(Preallocation preallocation) {
        NewImage.qcow2(folder, "whole", options(preallocation), null, progress).keep();
        assertWholeWasTold();
        Recorder impatient = new Recorder();
        impatient.callsLeft = 2;

        assertThrows(
                ImageCancelledException.class,
                () -> NewImage.qcow2(folder, "new", options(preallocation), null, impatient).close());

        assertFalse(folder.has("new"));
    }

    @ParameterizedTest
    @EnumSource(names = {"FALLOC", "FULL"})
    void preallocationOfARawImageTellsHowFarItIsAndCanBeEnded(Preallocation preallocation) {
        NewImage.raw(folder, "whole", SIZE, preallocation, progress).keep();
        assertWholeWasTold();
        Recorder impatient = new Recorder();
        impatient.callsLeft = 1;

        assertThrows(
                ImageCancelledException.class,
                () -> NewImage.raw(folder, "new", SIZE, preallocation, impatient).close());

        assertFalse(folder.has("new"));
    }

    @Test
    void checkTellsHowFarItIsAndCanBeEnded() {
        NewImage.qcow2(folder, "disk", options(Preallocation.METADATA), null, Progress.NONE).keep();

        assertTrue(Qcow2Checker.check(folder.file("disk"), Qcow2Checker.Repair.NONE, progress).clean());

        assertWholeWasTold();
        Recorder impatient = new Recorder();
        impatient.callsLeft = 1;
        assertThrows(
                ImageCancelledException.class,
                () -> Qcow2Checker.check(folder.file("disk"), Qcow2Checker.Repair.ALL, impatient));
        assertTrue(Qcow2Checker.check(folder.file("disk"), Qcow2Checker.Repair.NONE).clean());
    }
}
