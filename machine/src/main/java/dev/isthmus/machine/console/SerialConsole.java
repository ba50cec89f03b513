// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.console;

import java.lang.foreign.MemorySegment;

import dev.isthmus.device.EventLoop;
import dev.isthmus.machine.serial.SerialBackend;
import dev.isthmus.machine.serial.SerialBackends;
import dev.isthmus.machine.serial.SerialConfig;
import dev.isthmus.machine.serial.SerialPort;
import dev.isthmus.virtio.console.ConsoleBackend;

/**
 * A backend of serial lines at a port of a virtio console: standard streams, a pseudo-terminal, a Unix socket, a file, or a
 * program's own. A break condition, which such a port does not have, is dropped.
 *
 * <p>Loop thread, but for making it and {@link #close}, as {@link SerialBackend} says.
 */
public final class SerialConsole implements ConsoleBackend, AutoCloseable {
    private final SerialBackend backend;

    /**
     * Takes a backend over, which is not attached yet and is closed with this.
     *
     * @param backend what the port is connected to
     */
    public SerialConsole(SerialBackend backend) {
        this.backend = backend;
    }

    /**
     * Opens what a configuration asks for. Any thread.
     *
     * @throws dev.isthmus.machine.VmException if it can't be opened
     */
    public static SerialConsole open(SerialConfig config) {
        return new SerialConsole(SerialBackends.open(config));
    }

    /** Returns what a user connects to, as {@link SerialBackend#peerName} does. Any thread. */
    public String peerName() {
        return backend.peerName();
    }

    @Override
    public void attach(EventLoop loop, Port port) {
        backend.attach(loop, new PortEnd(port));
    }

    @Override
    public int transmit(MemorySegment source, long offset, int lengthBytes) {
        return backend.transmit(source.asSlice(offset, lengthBytes));
    }

    @Override
    public void receiveReady() {
        backend.receiveReady();
    }

    /** Gives everything back to the host, after the device's last reset; idempotent. */
    @Override
    public void close() {
        backend.close();
    }

    /** A console's port as a serial one. */
    private record PortEnd(Port port) implements SerialPort {
        @Override
        public int receiveRoom() {
            return port.receiveRoom();
        }

        @Override
        public void receive(MemorySegment source) {
            port.receive(source, 0, (int) source.byteSize());
        }

        @Override
        public void receiveBreak() {}

        @Override
        public void transmitReady() {
            port.transmitReady();
        }

        @Override
        public void connected(boolean present) {
            port.setHostOpen(present);
        }
    }
}
