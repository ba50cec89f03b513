// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.io.IoThread;
import dev.isthmus.testing.device.FakeLevelIrqLine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A port with a real backend on a real loop; the test's thread is the guest, which polls. */
final class LiveLine implements AutoCloseable {
    /** How long anything may take before the test fails. */
    static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

    /** A backend that takes nothing for so long is full. */
    private static final long STALL_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private final AtomicReference<@Nullable Throwable> bug = new AtomicReference<>();
    final IoThread loop = IoThread.start("serial-test", bug::set);
    final SerialBackend backend;
    final Uart16550 uart;

    LiveLine(SerialBackend backend) {
        this.backend = backend;
        this.uart = new Uart16550(new FakeLevelIrqLine(), loop, backend);
        uart.write(UartRegisters.IIR_FCR, 1, 0xc7);
        uart.write(UartRegisters.MCR, 1, UartRegisters.MCR_DTR | UartRegisters.MCR_RTS);
        awaitLoop();
    }

    static byte[] randomBytes(int length, long seed) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    /** Lets the loop do what was posted so far. */
    void awaitLoop() {
        loop.call(() -> {});
    }

    boolean lineStatus(int bit) {
        return (uart.read(UartRegisters.LSR, 1) & bit) != 0;
    }

    /** Sends all bytes, waiting for THRE. */
    void send(byte[] bytes) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        for (byte value : bytes) {
            while (!lineStatus(UartRegisters.LSR_THRE)) {
                assertTrue(System.nanoTime() < deadline, "the transmitter stays busy");
                Thread.onSpinWait();
            }
            uart.write(UartRegisters.RBR_THR_DLL, 1, value & 0xff);
        }
    }

    /** Sends until the transmitter is busy and returns how much that was. */
    int sendUntilBusy(byte[] bytes) {
        int sent = 0;
        while (sent < bytes.length) {
            // Busy until somebody reads, or for as long as the loop takes?
            if (!lineStatus(UartRegisters.LSR_THRE) && !uart.drain(STALL_NANOS)) {
                return sent;
            }
            uart.write(UartRegisters.RBR_THR_DLL, 1, bytes[sent++] & 0xff);
        }
        return sent;
    }

    /** Receives a number of bytes. */
    byte[] receive(int length) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        byte[] received = new byte[length];
        for (int i = 0; i < length; i++) {
            while (!lineStatus(UartRegisters.LSR_DR)) {
                assertTrue(System.nanoTime() < deadline, "only " + i + " bytes of " + length + " came");
                Thread.onSpinWait();
            }
            received[i] = (byte) uart.read(UartRegisters.RBR_THR_DLL, 1);
        }
        return received;
    }

    void drain() {
        assertTrue(uart.drain(PATIENCE_NANOS), "the backend does not take the output");
    }

    /** Closes the line and sees that nothing was lost or broken. */
    @Override
    public void close() {
        uart.close();
        loop.close();
        assertNull(bug.get());
        assertEquals(0, uart.lostBytes());
    }
}
