// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.lang.foreign.MemorySegment;

import dev.isthmus.machine.platform.IrqLevel;

/**
 * The registers of a 16550A and all that follows from them: the state of the device, without threads or host.
 *
 * <p>After the data sheet of National Semiconductor's PC16550D ("Universal Asynchronous Receiver/Transmitter with FIFOs",
 * 1995). There is no baud rate: a character that is sent is on its way at once, one that the peer sends is there as
 * soon as there is room. What follows for the guest:
 * <ul>
 * <li>The transmitter is empty again after each character, unless the host does not keep up ({@link TransmitRing}):
 *     then THRE and TEMT stay clear, there is no THRE interrupt, and a driver waits as for a slow line.
 * <li>The receiver's time-out comes at once: it says that no further character is coming for now, and characters that
 *     do come are in the FIFO already. So any character interrupts; below the trigger level as a time-out.
 * <li>The receiver is never overrun but in loopback.
 * <li>The peer starts to send when the guest listens: when it enables the receive interrupt, raises RTS, or polls the
 *     line status. So input that is there before the guest has set up its port is not lost in the course of probing.
 * </ul>
 * The modem's inputs are asserted as those of a null modem cable whose peer is there. MCR.OUT2 does not gate the
 * interrupt, as in QEMU. Word length, parity, stop bits and divisor are kept and mean nothing.
 *
 * <p>Not thread-safe; {@link Uart16550} guards it. Interrupt changes are recorded in an {@link IrqLevel}, which the
 * owner delivers.
 */
final class UartRegisters {
    // Register numbers.
    static final int RBR_THR_DLL = 0;
    static final int IER_DLM = 1;
    static final int IIR_FCR = 2;
    static final int LCR = 3;
    static final int MCR = 4;
    static final int LSR = 5;
    static final int MSR = 6;
    static final int SCR = 7;

    // IER.
    static final int IER_RDI = 1;
    static final int IER_THRI = 1 << 1;
    static final int IER_RLSI = 1 << 2;
    static final int IER_MSI = 1 << 3;
    private static final int IER_MASK = 0xf;

    // IIR: the pending interrupt of the highest priority.
    static final int IIR_MODEM_STATUS = 0x0;
    static final int IIR_NO_INTERRUPT = 0x1;
    static final int IIR_THRE = 0x2;
    static final int IIR_RECEIVED_DATA = 0x4;
    static final int IIR_LINE_STATUS = 0x6;
    static final int IIR_CHARACTER_TIMEOUT = 0xc;
    static final int IIR_FIFOS_ENABLED = 0xc0;

    // FCR.
    static final int FCR_FIFO_ENABLE = 1;
    static final int FCR_RECEIVE_RESET = 1 << 1;
    static final int FCR_TRIGGER_SHIFT = 6;

    // LCR.
    static final int LCR_SET_BREAK = 1 << 6;
    static final int LCR_DLAB = 1 << 7;

    // MCR.
    static final int MCR_DTR = 1;
    static final int MCR_RTS = 1 << 1;
    static final int MCR_OUT1 = 1 << 2;
    static final int MCR_OUT2 = 1 << 3;
    static final int MCR_LOOP = 1 << 4;
    private static final int MCR_MASK = 0x1f;

    // LSR.
    static final int LSR_DR = 1;
    static final int LSR_OE = 1 << 1;
    static final int LSR_PE = 1 << 2;
    static final int LSR_FE = 1 << 3;
    static final int LSR_BI = 1 << 4;
    static final int LSR_THRE = 1 << 5;
    static final int LSR_TEMT = 1 << 6;
    static final int LSR_FIFO_ERROR = 1 << 7;

    // MSR.
    static final int MSR_DCTS = 1;
    static final int MSR_DDSR = 1 << 1;
    static final int MSR_TERI = 1 << 2;
    static final int MSR_DDCD = 1 << 3;
    static final int MSR_CTS = 1 << 4;
    static final int MSR_DSR = 1 << 5;
    static final int MSR_RI = 1 << 6;
    static final int MSR_DCD = 1 << 7;
    private static final int MSR_DELTA_SHIFT = 4;

    private static final int[] TRIGGER_LEVELS = {1, 4, 8, 14};

    /** The divisor of 9600 baud with the PC's 1.8432 MHz clock, which the data sheet leaves open. */
    private static final int DEFAULT_DIVISOR = 12;

    /**
     * So many looks at an idle line status register and at nothing else mean a guest that polls for input. A driver that
     * polls for output looks once or twice before it sends.
     */
    private static final int POLLS_OF_A_LISTENER = 8;

    private final IrqLevel irq;
    private final TransmitRing transmitRing = new TransmitRing();
    private final ReceiveQueue receiveQueue = new ReceiveQueue();
    private final SerialTail tail = new SerialTail();

    private int ier;
    private int fcr;
    private int lcr;
    private int mcr;
    private int scr;
    private int divisor;
    private int modemDeltas;

    /** The sticky overrun bit; other errors travel with their characters. */
    private boolean overrun;

    /** The transmitter became empty and neither a read of IIR nor a write of THR acknowledged it. */
    private boolean threPending;

    /** THRE rose again behind an interrupt that nobody acknowledged: {@link #edgeIsDue()}. */
    private boolean threEdgeOwed;

    /** The peer may send. */
    private boolean listening;

    /** After power-on the line is held, until the guest says that it may go on. */
    private boolean gated;

    private int pollsInARow;
    private long lostBytes;

    UartRegisters(IrqLevel irq) {
        this.irq = irq;
        reset();
    }

    /** Master reset (data sheet, table I). What was sent is sent, and input that is waiting goes on waiting. */
    void reset() {
        receiveQueue.resetFifo();
        if (gated) {
            receiveQueue.hold();
        }
        ier = 0;
        fcr = 0;
        lcr = 0;
        mcr = 0;
        scr = 0;
        divisor = DEFAULT_DIVISOR;
        modemDeltas = 0;
        overrun = false;
        threPending = false;
        threEdgeOwed = false;
        listening = false;
        pollsInARow = 0;
        updateIrq();
    }

    int read(int register) {
        if (register != LSR) {
            pollsInARow = 0;
        }
        int value = switch (register) {
            case RBR_THR_DLL -> divisorLatchAccess() ? divisor & 0xff : readReceiveBuffer();
            case IER_DLM -> divisorLatchAccess() ? divisor >>> Byte.SIZE : ier;
            case IIR_FCR -> readInterruptIdentification();
            case LCR -> lcr;
            case MCR -> mcr;
            case LSR -> readLineStatus();
            case MSR -> readModemStatus();
            default -> scr;
        };
        updateIrq();
        return value;
    }

    /** Returns whether a byte went to the transmit ring. */
    boolean write(int register, int value) {
        pollsInARow = 0;
        boolean sent = false;
        switch (register) {
            case RBR_THR_DLL -> {
                if (divisorLatchAccess()) {
                    divisor = (divisor & 0xff00) | value;
                } else {
                    sent = writeTransmitHolding(value);
                }
            }
            case IER_DLM -> {
                if (divisorLatchAccess()) {
                    divisor = (divisor & 0xff) | (value << Byte.SIZE);
                } else {
                    writeInterruptEnable(value & IER_MASK);
                }
            }
            case IIR_FCR -> writeFifoControl(value);
            case LCR -> writeLineControl(value);
            case MCR -> writeModemControl(value & MCR_MASK);
            case SCR -> scr = value;
            default -> {
                // LSR is for factory tests and MSR is read-only.
            }
        }
        updateIrq();
        return sent;
    }

    private boolean divisorLatchAccess() {
        return (lcr & LCR_DLAB) != 0;
    }

    private boolean fifosEnabled() {
        return (fcr & FCR_FIFO_ENABLE) != 0;
    }

    private boolean inLoopback() {
        return (mcr & MCR_LOOP) != 0;
    }

    private boolean transmitterIsEmpty() {
        return inLoopback() || !transmitRing.isBusy();
    }

    private int fifoLimit() {
        return fifosEnabled() ? ReceiveQueue.FIFO_CHARACTERS : 1;
    }

    private boolean belowTrigger() {
        return receiveQueue.fifoCount() < TRIGGER_LEVELS[fcr >>> FCR_TRIGGER_SHIFT];
    }

    /** Lets the peer's characters in, as far as the guest listens. */
    private void arrive() {
        if (listening && !inLoopback()) {
            receiveQueue.arrive(fifoLimit());
        }
    }

    private int readReceiveBuffer() {
        int value = receiveQueue.take();
        arrive();
        if (receiveQueue.fifoCount() > 0 && (!fifosEnabled() || belowTrigger())) {
            // Reading ends the interrupt; the next character, or the next time-out, is an interrupt of its own. Without
            // the edge, a handler that takes one character at a time would not be called for the rest.
            irq.dip();
        }
        return value;
    }

    private boolean writeTransmitHolding(int value) {
        boolean sent = false;
        if (inLoopback()) {
            loop(value, 0);
        } else {
            tail.put(value);
            sent = transmitRing.put(value);
            if (!sent) {
                lostBytes++;
            }
        }
        if (transmitterIsEmpty()) {
            // The write acknowledges a pending interrupt, and the transmitter is empty again at once: a new interrupt.
            // Its edge may wait until the loop looks, since most drivers send a FIFO's worth before they look at IIR.
            threEdgeOwed |= threPending;
            threPending = true;
        } else {
            threPending = false;
            threEdgeOwed = false;
        }
        return sent;
    }

    private void loop(int value, int lineStatus) {
        if (receiveQueue.fifoCount() < fifoLimit()) {
            receiveQueue.loop(value, lineStatus);
            return;
        }
        overrun = true;
        if (!fifosEnabled()) {
            // The character register is overwritten; a full FIFO keeps what it has.
            receiveQueue.take();
            receiveQueue.loop(value, lineStatus);
        }
    }

    private void writeInterruptEnable(int value) {
        boolean threEnabled = (value & ~ier & IER_THRI) != 0;
        ier = value;
        if (threEnabled && transmitterIsEmpty()) {
            // Enabling the interrupt while THRE is set raises it, each time: Linux tests for chips that don't
            // (UART_BUG_THRE, UART_BUG_TXEN in serial8250_do_startup).
            threPending = true;
        }
        if ((value & IER_RDI) != 0) {
            listening = true;
        }
        arrive();
    }

    /** Returns the interrupt of the highest priority (data sheet, table IV). */
    private int pendingInterrupt() {
        if ((ier & IER_RLSI) != 0 && lineErrors() != 0) {
            return IIR_LINE_STATUS;
        }
        if ((ier & IER_RDI) != 0 && receiveQueue.fifoCount() > 0) {
            return fifosEnabled() && belowTrigger() ? IIR_CHARACTER_TIMEOUT : IIR_RECEIVED_DATA;
        }
        if ((ier & IER_THRI) != 0 && threPending) {
            return IIR_THRE;
        }
        if ((ier & IER_MSI) != 0 && modemDeltas != 0) {
            return IIR_MODEM_STATUS;
        }
        return IIR_NO_INTERRUPT;
    }

    private void updateIrq() {
        irq.set(pendingInterrupt() != IIR_NO_INTERRUPT);
    }

    private int readInterruptIdentification() {
        int pending = pendingInterrupt();
        if (pending == IIR_THRE) {
            // Acknowledged by being reported; other interrupts go with their causes.
            threPending = false;
            threEdgeOwed = false;
        }
        return pending | (fifosEnabled() ? IIR_FIFOS_ENABLED : 0);
    }

    private void writeFifoControl(int value) {
        boolean enable = (value & FCR_FIFO_ENABLE) != 0;
        boolean resetReceiver = enable != fifosEnabled() || (enable && (value & FCR_RECEIVE_RESET) != 0);
        // Other bits count only together with the enable bit. A reset of the transmit FIFO finds it empty.
        fcr = enable ? value : 0;
        if (resetReceiver) {
            receiveQueue.resetFifo();
            overrun = false;
            // A driver that sets up the port looks at the receive buffer before it listens.
            listening = (ier & IER_RDI) != 0;
        }
        arrive();
    }

    private void writeLineControl(int value) {
        boolean breakBegins = (value & ~lcr & LCR_SET_BREAK) != 0;
        lcr = value;
        if (breakBegins && inLoopback()) {
            loop(0, LSR_BI);
        }
    }

    private void writeModemControl(int value) {
        int before = modemInputs();
        mcr = value;
        int after = modemInputs();
        int changes = (before ^ after) & ~MSR_RI;
        // The ring indicator counts at its end only.
        int ringEnded = before & ~after & MSR_RI;
        modemDeltas |= (changes | ringEnded) >>> MSR_DELTA_SHIFT;
        if ((value & MCR_RTS) != 0 && !inLoopback()) {
            listening = true;
        }
        arrive();
    }

    /** Returns the upper half of MSR: the cable's, or MCR's own outputs in loopback. */
    private int modemInputs() {
        if (!inLoopback()) {
            return MSR_CTS | MSR_DSR | MSR_DCD;
        }
        return ((mcr & MCR_RTS) != 0 ? MSR_CTS : 0)
                | ((mcr & MCR_DTR) != 0 ? MSR_DSR : 0)
                | ((mcr & MCR_OUT1) != 0 ? MSR_RI : 0)
                | ((mcr & MCR_OUT2) != 0 ? MSR_DCD : 0);
    }

    private int readModemStatus() {
        int value = modemInputs() | modemDeltas;
        modemDeltas = 0;
        return value;
    }

    private int lineErrors() {
        return receiveQueue.firstStatus() | (overrun ? LSR_OE : 0);
    }

    private int readLineStatus() {
        if (transmitterIsEmpty() && ++pollsInARow >= POLLS_OF_A_LISTENER) {
            listening = true;
            arrive();
        }
        int value = lineErrors();
        if (receiveQueue.fifoCount() > 0) {
            value |= LSR_DR;
        }
        if (transmitterIsEmpty()) {
            value |= LSR_THRE | LSR_TEMT;
        }
        if (fifosEnabled() && receiveQueue.hasStatus()) {
            value |= LSR_FIFO_ERROR;
        }
        overrun = false;
        receiveQueue.clearFirstStatus();
        return value;
    }

    // The line's side.

    /** Holds the line, now and after each reset, until input is allowed. */
    void gateInput() {
        gated = true;
        receiveQueue.hold();
    }

    /** Lets a number of characters arrive on a held line, beside those that may already. */
    void allowInput(int characters) {
        receiveQueue.allow(characters);
        arrive();
        updateIrq();
    }

    /** Lets all input arrive until the next reset. */
    void allowAllInput() {
        receiveQueue.allowAll();
        arrive();
        updateIrq();
    }

    /** Returns how many bytes {@link #receive} takes. */
    int receiveRoom() {
        return receiveQueue.room();
    }

    /** Takes input from the line. */
    void receive(MemorySegment source) {
        receiveQueue.offer(source);
        arrive();
        updateIrq();
    }

    /** Takes a break from the line. */
    void receiveBreak() {
        receiveQueue.offer(0, LSR_BI);
        arrive();
        updateIrq();
    }

    /** Moves output to native memory and returns how much; a busy transmitter may become empty by it. */
    int moveOutputTo(MemorySegment target) {
        boolean wasBusy = transmitRing.isBusy();
        int length = transmitRing.moveTo(target);
        if (wasBusy && !transmitRing.isBusy()) {
            threPending = true;
            updateIrq();
        }
        return length;
    }

    /** Returns how many bytes of output wait to be moved. */
    int outputCount() {
        return transmitRing.count();
    }

    /**
     * Makes the edge of a THRE interrupt that rose behind another. To be called some time after each write of THR: a
     * handler that sends without ever reading IIR would otherwise wait for ever on an edge-triggered line.
     */
    void edgeIsDue() {
        if (threEdgeOwed) {
            threEdgeOwed = false;
            irq.dip();
        }
    }

    /** Returns how many bytes the guest sent to a full ring, against LSR. */
    long lostBytes() {
        return lostBytes;
    }

    /** Returns the last output. */
    String tail() {
        return tail.text();
    }
}
