// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.lang.foreign.MemorySegment;

/** Connects a stream and a port, byte for byte. */
class PortUser implements FdStream.User {
    private final SerialPort port;

    PortUser(SerialPort port) {
        this.port = port;
    }

    @Override
    public int receiveRoom() {
        return port.receiveRoom();
    }

    @Override
    public void received(MemorySegment bytes) {
        port.receive(bytes);
    }

    @Override
    public void writable() {
        port.transmitReady();
    }

    @Override
    public void gone() {}
}
