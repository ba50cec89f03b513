// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.EventLoop;
import dev.isthmus.machine.Machine;
import dev.isthmus.machine.MachineExit;
import dev.isthmus.machine.serial.SerialBackend;
import dev.isthmus.machine.serial.SerialPort;

/**
 * A serial line that ends in this process: between the machine's event loop, as its backend, and the program's threads.
 */
final class CapturedSerial implements VmSerial {
    /** How far the copy to a stream may be behind before the guest has to wait. */
    private static final int COPY_LAG_BYTES = SerialCapture.KEPT_BYTES / 4;

    private static final Duration FOREVER = Duration.ofDays(3650);

    /** How much of the output a message quotes. */
    private static final int QUOTED_CHARACTERS = 1000;

    private final SerialCapture output = new SerialCapture();
    private final SerialInput input = new SerialInput();
    private final Backend backend = new Backend();
    private final @Nullable SerialCopy copy;

    /** Waits for the machine's end, once there is somebody to tell. Written under the monitor. */
    private volatile @Nullable Thread watcher;

    /** Hands input to the guest; null until the machine has attached the backend. */
    private volatile @Nullable BottomHalf deliver;

    CapturedSerial(String vmName, @Nullable OutputStream copyTo) {
        this.copy = copyTo == null ? null : new SerialCopy(vmName, output, copyTo, backend::copyAdvanced);
    }

    /** Returns the end that the machine gets. */
    SerialBackend backend() {
        return backend;
    }

    /** Has {@link #end} called when the machine ends, so that nobody waits for a guest that has gone. Any thread. */
    void watch(Machine machine) {
        if (watcher == null) {
            synchronized (this) {
                if (watcher == null) {
                    watcher = Thread.ofPlatform()
                            .name(machine.config().name() + "-watch")
                            .daemon(true)
                            .start(new EndWatch(machine));
                }
            }
        }
    }

    /** There will be no more output, and nobody reads input: the VM has ended. Any thread. */
    void end() {
        output.end();
        input.close();
    }

    /** Waits for the copy to a stream, and leaves no thread; the machine is closed. */
    void close() {
        end();
        if (copy != null) {
            copy.close();
        }
        Thread thread = watcher;
        if (thread != null) {
            join(thread);
        }
    }

    /** Not to be cut short by an interrupt, which stays pending: the machine has ended, so the thread is about to. */
    private static void join(Thread thread) {
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public String awaitText(String text, Duration timeout) throws InterruptedException {
        if (text.isEmpty()) {
            throw new IllegalArgumentException("no text to wait for");
        }
        byte[] found = output.await(text.getBytes(StandardCharsets.UTF_8), timeout.toNanos());
        if (found != null) {
            return new String(found, StandardCharsets.UTF_8);
        }
        boolean ended = output.hasEnded();
        String all = text();
        String last = all.substring(Math.max(0, all.length() - QUOTED_CHARACTERS));
        throw new SerialTextException(
                (ended ? "the VM ended before it sent '" : "the VM did not send '") + text
                        + (ended ? "'" : "' within " + timeout) + "; its last output:\n" + last,
                ended ? SerialTextException.Reason.VM_ENDED : SerialTextException.Reason.TIMED_OUT);
    }

    @Override
    public void write(String text) throws InterruptedException {
        write(text.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public void write(byte[] bytes) throws InterruptedException {
        for (int done = 0; done < bytes.length; ) {
            done += input.put(bytes, done);
            BottomHalf scheduled = deliver;
            if (scheduled != null) {
                scheduled.schedule();
            }
        }
    }

    @Override
    public String text() {
        return output.text();
    }

    @Override
    public byte[] toByteArray() {
        return output.toByteArray();
    }

    /** Waits for a machine's end. */
    private final class EndWatch implements Runnable {
        private final Machine machine;

        EndWatch(Machine machine) {
            this.machine = machine;
        }

        @Override
        public void run() {
            try {
                MachineExit exit;
                do {
                    // The machine lets all output out before it says that it has ended.
                    exit = machine.awaitExit(FOREVER);
                } while (exit == null);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } finally {
                end();
            }
        }
    }

    /** The machine's side. Loop thread, but for {@link #copyAdvanced}. */
    private final class Backend implements SerialBackend {
        private final byte[] buffer = new byte[4096];
        private @Nullable SerialPort port;
        private volatile @Nullable BottomHalf goOn;

        /** Output was refused because the copy lags behind. Written on the loop, read by the copy's thread. */
        private volatile boolean refused;

        @Override
        public void attach(EventLoop loop, SerialPort port) {
            this.port = port;
            goOn = loop.newBottomHalf(this::transmitAgain);
            BottomHalf bottomHalf = loop.newBottomHalf(this::receiveReady);
            deliver = bottomHalf;
            // For what was written before.
            bottomHalf.schedule();
        }

        @Override
        public int transmit(MemorySegment source) {
            if (isCopyBehind()) {
                refused = true;
                // The copy may have caught up in between, without seeing the flag.
                if (isCopyBehind()) {
                    return 0;
                }
                refused = false;
            }
            output.append(source.asByteBuffer());
            return Math.toIntExact(source.byteSize());
        }

        @Override
        public void receiveReady() {
            SerialPort guest = port;
            if (guest == null) {
                return;
            }
            for (int room = guest.receiveRoom(); room > 0; room = guest.receiveRoom()) {
                int count = input.take(buffer, room);
                if (count == 0) {
                    return;
                }
                guest.receive(MemorySegment.ofArray(buffer).asSlice(0, count));
            }
        }

        @Override
        public void close() {
            end();
        }

        /** Called by the copy's thread after each write. */
        private void copyAdvanced() {
            BottomHalf scheduled = goOn;
            if (refused && scheduled != null) {
                scheduled.schedule();
            }
        }

        private void transmitAgain() {
            SerialPort guest = port;
            if (refused && guest != null && !isCopyBehind()) {
                refused = false;
                guest.transmitReady();
            }
        }

        private boolean isCopyBehind() {
            SerialCopy lagging = copy;
            return lagging != null && lagging.lagBytes() > COPY_LAG_BYTES;
        }
    }
}
