// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.BusDevice;
import dev.isthmus.device.EventLoop;
import dev.isthmus.device.IrqLine;
import dev.isthmus.device.LoopTimer;
import dev.isthmus.machine.platform.IrqLevel;

/**
 * A 16550A serial port ({@link UartRegisters}) between a guest's bus and a {@link SerialBackend}.
 *
 * <p>vCPU threads do register accesses under one lock and touch nothing else: output goes to a ring, and the first byte
 * of a burst schedules the pump on the loop. The pump writes what is there and comes again
 * {@value #LINGER_MICROS} microseconds later for as long as there is more; meanwhile further bytes wake nobody. So a
 * burst costs a vCPU thread no system call, the host one write for many bytes, and a single character no delay.
 *
 * <p>Where the backend takes less than it is offered, the pump stops until the backend says that it can take more; the
 * ring fills up and the guest sees a busy transmitter.
 */
public final class Uart16550 implements BusDevice, AutoCloseable {
    /** Number of ports. */
    public static final int LENGTH_BYTES = 8;

    /** How long the pump waits for more output before it writes again. */
    static final int LINGER_MICROS = 500;

    /** So much output is not kept waiting. */
    private static final int PROMPT_BYTES = 4096;

    private static final int TRANSFER_BYTES = 16 << 10;

    /** Transfers in one go, so that a fast guest does not keep the loop from its other work. */
    private static final int TRANSFERS_IN_A_ROW = 8;

    /** The input queue is filled up again when this much of it is free, not for every byte. */
    private static final int RECEIVE_READY_CHARACTERS = ReceiveQueue.LINE_CHARACTERS / 4;

    private final EventLoop loop;
    private final SerialBackend backend;
    private final IrqLevel irq;
    private final BottomHalf pump;
    private final BottomHalf receiveReady;
    private final LoopTimer linger;

    private final Object lock = new Object();

    // Guarded by lock.
    private final UartRegisters registers;

    /** The pump is going to run without being scheduled. */
    private boolean pumpIsComing;

    /** The backend was told that there is no room and waits to be told that there is. */
    private boolean backendWaitsForRoom;

    /** Output that has left the ring and not been taken by the backend. */
    private int transferRemaining;

    // Loop thread only.
    private final MemorySegment transfer = Arena.ofAuto().allocate(TRANSFER_BYTES);
    private int transferPosition;
    private int transferLimit;
    private boolean attached;
    private boolean backendIsFull;
    private boolean closed;

    /**
     * Makes a port and has the loop attach the backend to it.
     *
     * @param irq the port's interrupt
     * @param loop what owns the backend
     * @param backend not attached yet; the port closes it
     */
    public Uart16550(IrqLine irq, EventLoop loop, SerialBackend backend) {
        this.loop = loop;
        this.backend = backend;
        this.irq = new IrqLevel(irq);
        this.registers = new UartRegisters(this.irq);
        this.pump = loop.newBottomHalf(new Pump());
        this.receiveReady = loop.newBottomHalf(new ReceiveReady());
        this.linger = loop.newTimer(new Pump());
        loop.post(new Attach());
    }

    /** Takes the state after power-on. Output on its way and input not seen yet stay. Any thread. */
    public void reset() {
        synchronized (lock) {
            registers.reset();
        }
        irq.deliver();
    }

    @Override
    public long read(long offset, int sizeBytes) {
        long value = 0;
        boolean room;
        synchronized (lock) {
            for (int i = 0; i < sizeBytes; i++) {
                value |= (long) registers.read(((int) offset + i) & (LENGTH_BYTES - 1)) << (i * Byte.SIZE);
            }
            room = backendWaitsForRoom && registers.receiveRoom() >= RECEIVE_READY_CHARACTERS;
            if (room) {
                backendWaitsForRoom = false;
            }
        }
        irq.deliver();
        if (room) {
            receiveReady.schedule();
        }
        return value;
    }

    @Override
    public void write(long offset, int sizeBytes, long value) {
        boolean wake = false;
        synchronized (lock) {
            for (int i = 0; i < sizeBytes; i++) {
                int octet = (int) (value >>> (i * Byte.SIZE)) & 0xff;
                if (registers.write(((int) offset + i) & (LENGTH_BYTES - 1), octet)) {
                    wake |= !pumpIsComing || registers.outputCount() == PROMPT_BYTES;
                }
            }
            pumpIsComing |= wake;
        }
        irq.deliver();
        if (wake) {
            pump.schedule();
        }
    }

    /** Has input wait, now and after each reset, until {@link SerialGate} lets it in. Before the guest runs. */
    public void gateInput() {
        synchronized (lock) {
            registers.gateInput();
        }
    }

    /** Lets a number of characters, at least 0, in through the gate. Any thread. */
    void allowInput(int characters) {
        synchronized (lock) {
            registers.allowInput(characters);
        }
        irq.deliver();
    }

    /** Lets all input in until the next reset. Any thread. */
    void allowAllInput() {
        synchronized (lock) {
            registers.allowAllInput();
        }
        irq.deliver();
    }

    /** Returns the last few KiB of output as text, for a dump. Any thread. */
    public String lastOutput() {
        synchronized (lock) {
            return registers.tail();
        }
    }

    /**
     * Returns how many bytes the guest lost by sending without regard to LSR while the transmitter was busy, as on a real
     * line. Any thread.
     */
    public long lostBytes() {
        synchronized (lock) {
            return registers.lostBytes();
        }
    }

    /**
     * Waits until the backend has taken all output: before a VM ends, with its vCPUs stopped. Not on the loop's thread.
     *
     * @param timeoutNanos how long at most: a backend may be blocked for ever
     * @return whether all has been taken
     */
    public boolean drain(long timeoutNanos) {
        assert !loop.inLoop();
        long deadlineNanos = System.nanoTime() + timeoutNanos;
        pump.schedule();
        synchronized (lock) {
            while (registers.outputCount() + transferRemaining > 0) {
                long leftNanos = deadlineNanos - System.nanoTime();
                if (leftNanos <= 0) {
                    return false;
                }
                try {
                    TimeUnit.NANOSECONDS.timedWait(lock, leftNanos);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return false;
                }
            }
        }
        return true;
    }

    /** Closes the backend; output that it has not taken is gone. Any thread, the loop running or stopped; idempotent. */
    @Override
    public void close() {
        try {
            loop.call(new Close());
        } catch (RejectedExecutionException e) {
            // The loop has stopped, so its thread can't be in the way.
            new Close().run();
        }
    }

    private final class Attach implements Runnable {
        @Override
        public void run() {
            if (!closed) {
                attached = true;
                backend.attach(loop, new Port());
            }
        }
    }

    private final class Close implements Runnable {
        @Override
        public void run() {
            if (!closed) {
                closed = true;
                pump.cancel();
                receiveReady.cancel();
                linger.cancel();
                backend.close();
            }
        }
    }

    private final class ReceiveReady implements Runnable {
        @Override
        public void run() {
            backend.receiveReady();
        }
    }

    /** Moves output from the ring to the backend. Loop thread. */
    private final class Pump implements Runnable {
        @Override
        public void run() {
            assert loop.inLoop();
            boolean moved = attached && moveOutput();
            synchronized (lock) {
                registers.edgeIsDue();
                transferRemaining = transferLimit - transferPosition;
                // A full backend calls when it can take more.
                pumpIsComing = moved || backendIsFull;
                if (transferRemaining + registers.outputCount() == 0) {
                    lock.notifyAll();
                }
            }
            irq.deliver();
            if (moved && !backendIsFull) {
                linger.arm(loop.nanoTime() + TimeUnit.MICROSECONDS.toNanos(LINGER_MICROS));
            }
        }

        /** Returns whether there was any output. */
        private boolean moveOutput() {
            boolean moved = false;
            for (int i = 0; i < TRANSFERS_IN_A_ROW && !backendIsFull; i++) {
                if (transferPosition == transferLimit && !fetch()) {
                    return moved;
                }
                moved = true;
                int offered = transferLimit - transferPosition;
                int taken = backend.transmit(transfer.asSlice(transferPosition, offered));
                transferPosition += taken;
                backendIsFull = taken < offered;
            }
            return moved;
        }

        private boolean fetch() {
            synchronized (lock) {
                transferPosition = 0;
                transferLimit = registers.moveOutputTo(transfer);
                transferRemaining = transferLimit;
            }
            irq.deliver();
            return transferLimit > 0;
        }
    }

    /** The port as the backend sees it. Loop thread. */
    private final class Port implements SerialPort {
        private final Runnable pumpNow = new Pump();

        @Override
        public int receiveRoom() {
            assert loop.inLoop();
            synchronized (lock) {
                int room = registers.receiveRoom();
                backendWaitsForRoom = room == 0;
                return room;
            }
        }

        @Override
        public void receive(MemorySegment source) {
            assert loop.inLoop();
            synchronized (lock) {
                registers.receive(source);
            }
            irq.deliver();
        }

        @Override
        public void receiveBreak() {
            assert loop.inLoop();
            synchronized (lock) {
                registers.receiveBreak();
            }
            irq.deliver();
        }

        @Override
        public void transmitReady() {
            assert loop.inLoop();
            if (backendIsFull) {
                backendIsFull = false;
                pumpNow.run();
            }
        }
    }
}
