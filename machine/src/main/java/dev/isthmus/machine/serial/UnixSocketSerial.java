// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.isthmus.device.EventLoop;
import dev.isthmus.device.FdWatch;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.UnixSocket;
import dev.isthmus.machine.VmException;

/**
 * The serial line as a listening socket in the file system, for one client at a time; others wait until it leaves.
 *
 * <p>While there is no client, output is dropped as QEMU does, so that the guest is not stuck. A socket file that a
 * dead process left is replaced; ours is removed at the end.
 */
final class UnixSocketSerial implements SerialBackend {
    private static final Logger LOG = LoggerFactory.getLogger(UnixSocketSerial.class);

    private final UnixSocket socket;
    private @Nullable EventLoop loop;
    private @Nullable SerialPort port;

    /** There while there is no client. */
    private @Nullable FdWatch listening;

    private @Nullable Fd client;
    private @Nullable FdStream stream;

    private UnixSocketSerial(UnixSocket socket) {
        this.socket = socket;
    }

    static UnixSocketSerial open(Path path) {
        int pathBytes = path.toString().getBytes(StandardCharsets.UTF_8).length;
        if (pathBytes == 0 || pathBytes > UnixSocket.PATH_BYTES_MAX) {
            throw new VmException.Configuration(
                    "The serial line's socket path " + path + " has " + pathBytes + " bytes; Linux takes 1 to "
                            + UnixSocket.PATH_BYTES_MAX + ".",
                    "Use a shorter path, for example in /run or /tmp.");
        }
        try {
            return new UnixSocketSerial(UnixSocket.listen(path.toString()));
        } catch (ErrnoException e) {
            boolean inUse = e.errno() == Errno.EADDRINUSE;
            throw new VmException.Configuration(
                    "The serial line's socket " + path + " can't be made: "
                            + (inUse ? "the path is in use" : Errno.text(e.errno())) + ".",
                    inUse
                            ? "Use another path, or end what listens there, or remove the file if it is not wanted."
                            : "Name a path in a directory that exists and can be written.",
                    e);
        }
    }

    @Override
    public String peerName() {
        return socket.path();
    }

    @Override
    public void attach(EventLoop loop, SerialPort port) {
        this.loop = loop;
        this.port = port;
        port.connected(false);
        listen();
    }

    private void listen() {
        if (loop != null) {
            listening = loop.watch(socket.fd().number(), FdWatch.READABLE, new Accept());
        }
    }

    @Override
    public int transmit(MemorySegment source) {
        return stream == null ? (int) source.byteSize() : stream.write(source);
    }

    @Override
    public void receiveReady() {
        if (stream != null) {
            stream.resumeReading();
        }
    }

    @Override
    public void close() {
        if (listening != null) {
            listening.close();
            listening = null;
        }
        dropClient();
        socket.close();
    }

    private void dropClient() {
        if (stream != null) {
            stream.close();
            stream = null;
        }
        if (client != null) {
            client.close();
            client = null;
        }
    }

    private final class Accept implements FdWatch.Callback {
        @Override
        public void ready(int ready) {
            if (loop == null || port == null || listening == null) {
                return;
            }
            Fd accepted;
            try {
                accepted = socket.accept();
            } catch (ErrnoException e) {
                LOG.warn("Serial line: no further clients: {}", e.getMessage());
                listening.close();
                listening = null;
                return;
            }
            if (accepted != null) {
                listening.close();
                listening = null;
                client = accepted;
                stream = new FdStream(loop, accepted, true, new Client(port));
                port.connected(true);
                stream.start();
            }
        }
    }

    private final class Client extends PortUser {
        private final SerialPort port;

        Client(SerialPort port) {
            super(port);
            this.port = port;
        }

        @Override
        public void gone() {
            dropClient();
            port.connected(false);
            listen();
        }
    }
}
