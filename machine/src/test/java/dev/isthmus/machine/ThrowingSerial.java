// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.lang.foreign.MemorySegment;

import dev.isthmus.device.EventLoop;
import dev.isthmus.machine.serial.SerialBackend;
import dev.isthmus.machine.serial.SerialPort;

/** A serial backend with a bug, which shows with the first output. */
final class ThrowingSerial implements SerialBackend {
    private final RuntimeException bug;

    ThrowingSerial(RuntimeException bug) {
        this.bug = bug;
    }

    @Override
    public void attach(EventLoop loop, SerialPort port) {}

    @Override
    public int transmit(MemorySegment source) {
        throw bug;
    }

    @Override
    public void receiveReady() {}

    @Override
    public void close() {}
}
