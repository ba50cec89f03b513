// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.io.IOException;
import java.io.OutputStream;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.HostThreads;

/**
 * Writes what a guest sends to a stream, on a thread of its own: a stream may block, the event loop may not.
 */
final class SerialCopy implements Runnable {
    private static final int CHUNK_BYTES = 64 << 10;

    private final SerialCapture output;
    private final OutputStream stream;
    private final Runnable advanced;
    private final Thread thread;

    /** How far the stream has got: a position in the output. Written by the thread. */
    private volatile long position;

    /** Nothing is written any more. Written by the thread. */
    private volatile boolean broken;

    /**
     * Starts the thread.
     *
     * @param advanced called on the thread after each write
     */
    SerialCopy(String vmName, SerialCapture output, OutputStream stream, Runnable advanced) {
        this.output = output;
        this.stream = stream;
        this.advanced = advanced;
        this.thread = new Thread(null, this, vmName + " serial", 256 << 10, false);
        thread.setDaemon(true);
        HostThreads.start(thread);
    }

    /** Returns how many bytes of output still have to be written. */
    long lagBytes() {
        return broken ? 0 : output.endPosition() - position;
    }

    @Override
    public void run() {
        try {
            while (true) {
                SerialCapture.@Nullable Chunk chunk = output.awaitFrom(position, CHUNK_BYTES);
                if (chunk == null) {
                    return;
                }
                stream.write(chunk.bytes());
                stream.flush();
                position = chunk.end();
                advanced.run();
            }
        } catch (IOException | RuntimeException e) {
            // The stream's own trouble: the guest must not suffer from it, nor the capture.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            broken = true;
            advanced.run();
        }
    }

    /** Waits until the rest of the output, which has ended, is written. An interrupt stays pending and ends the wait. */
    void close() {
        try {
            thread.join();
        } catch (InterruptedException e) {
            thread.interrupt();
            Thread.currentThread().interrupt();
        }
    }
}
