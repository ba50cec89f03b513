// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.util.concurrent.TimeUnit;

import dev.isthmus.testing.device.FakeLevelIrqLine;
import dev.isthmus.testing.device.ManualEventLoop;

/** A port on a loop turned by hand, with register accesses as a driver writes them. */
final class UartRig {
    final ManualEventLoop loop = new ManualEventLoop();
    final MemorySerial host = new MemorySerial();
    final FakeLevelIrqLine irq = new FakeLevelIrqLine();
    final Uart16550 uart = new Uart16550(irq, loop, host);

    UartRig() {
        loop.runReady();
    }

    int in(int register) {
        return (int) uart.read(register, 1);
    }

    void out(int register, int value) {
        uart.write(register, 1, value);
    }

    /** Lets the loop do all that is to be done, timers included. */
    void settle() {
        loop.runReady();
        loop.advanceNanos(TimeUnit.MILLISECONDS.toNanos(50));
    }

    /** Enables and resets the FIFOs with a trigger level of 1, 4, 8 or 14. */
    void enableFifos(int triggerLevel) {
        int code = switch (triggerLevel) {
            case 1 -> 0;
            case 4 -> 1;
            case 8 -> 2;
            case 14 -> 3;
            default -> throw new IllegalArgumentException("no such level: " + triggerLevel);
        };
        out(UartRegisters.IIR_FCR, 0x07 | (code << UartRegisters.FCR_TRIGGER_SHIFT));
    }

    /** Raises DTR and RTS: the peer may send. */
    void listen() {
        out(UartRegisters.MCR, UartRegisters.MCR_DTR | UartRegisters.MCR_RTS);
    }

    int interruptId() {
        return in(UartRegisters.IIR_FCR) & 0x0f;
    }

    boolean lineStatus(int bit) {
        return (in(UartRegisters.LSR) & bit) != 0;
    }
}
