// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.EventLoop;
import dev.isthmus.machine.serial.HostInput;
import dev.isthmus.machine.serial.SerialBackend;
import dev.isthmus.machine.serial.SerialPort;

/**
 * A serial line that ends in this process: between the machine's event loop, as its backend, and the program's threads.
 */
final class CapturedSerial implements VmSerial {
    /** How far the copy to a stream may be behind before the guest has to wait. */
    private static final int COPY_LAG_BYTES = SerialCapture.KEPT_BYTES / 4;

    /** How much of the output a message quotes. */
    private static final int QUOTED_CHARACTERS = 1000;

    private final SerialCapture output = new SerialCapture();
    private final HostInput input = new HostInput();
    private final Backend backend = new Backend();
    private final @Nullable SerialCopy copy;

    CapturedSerial(String vmName, @Nullable OutputStream copyTo) {
        this.copy = copyTo == null ? null : new SerialCopy(vmName, output, copyTo, backend::copyAdvanced);
    }

    /** Returns the end that the machine gets. */
    SerialBackend backend() {
        return backend;
    }

    /** There will be no more output, and nobody reads input: nobody is to wait for a guest that has gone. Any thread. */
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
        try {
            input.write(bytes, 0, bytes.length);
        } catch (IOException e) {
            throw new IllegalStateException("the VM has ended: nobody reads its serial line any more", e);
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

    /** The machine's side. Loop thread, but for {@link #copyAdvanced}. */
    private final class Backend implements SerialBackend {
        private @Nullable SerialPort port;
        private volatile @Nullable BottomHalf goOn;

        /** Output was refused because the copy lags behind. Written on the loop, read by the copy's thread. */
        private volatile boolean refused;

        @Override
        public void attach(EventLoop loop, SerialPort port) {
            this.port = port;
            goOn = loop.newBottomHalf(this::transmitAgain);
            input.attach(loop, port);
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
            input.flush();
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
