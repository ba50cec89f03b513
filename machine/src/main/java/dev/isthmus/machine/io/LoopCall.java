// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.io;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.LoopTask;

/**
 * A task of an {@link IoThread} that another thread waits for. What it throws when it begins is thrown to that thread,
 * not told to the failure handler.
 */
final class LoopCall implements Runnable {
    private final IoThread loop;
    private final LoopTask task;
    private final CountDownLatch over = new CountDownLatch(1);

    // Written on the loop before the latch opens, read behind it.
    private @Nullable RuntimeException thrown;
    private @Nullable Error error;

    LoopCall(IoThread loop, LoopTask task) {
        this.loop = loop;
        this.task = task;
    }

    /** Begins the task. Loop thread. */
    @Override
    public void run() {
        loop.begunCalls().add(this);
        try {
            task.begin(new Ended());
        } catch (RuntimeException e) {
            thrown = e;
            end();
        } catch (Error e) {
            error = e;
            end();
        }
    }

    private void end() {
        assert loop.inLoop();
        loop.begunCalls().remove(this);
        over.countDown();
    }

    /** The loop ends before the task has. Loop thread. */
    void reject(String loopName) {
        thrown = new RejectedExecutionException(loopName + " has been stopped");
        over.countDown();
    }

    /** Waits for the task's end. Any thread but the loop's. */
    void await() {
        Uninterruptibly.await(over);
        if (thrown != null) {
            throw thrown;
        }
        if (error != null) {
            throw error;
        }
    }

    private final class Ended implements Runnable {
        @Override
        public void run() {
            end();
        }
    }
}
