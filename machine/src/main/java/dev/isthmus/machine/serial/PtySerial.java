// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;
import dev.isthmus.device.LoopTimer;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.Pty;
import dev.isthmus.kvm.linux.StreamIo;
import dev.isthmus.kvm.linux.Termios;
import dev.isthmus.machine.VmException;

/**
 * The serial line as a pseudo-terminal, for {@code screen} and its like to open and leave as they please.
 *
 * <p>While nobody has the terminal open, output is dropped as QEMU does, so that the guest is not stuck. Linux does not
 * tell when a terminal is opened, so the backend looks every {@value #PROBE_MILLIS} ms while nobody is there: a read
 * fails with EIO then and finds nothing, or what was typed, otherwise. A peer that is there and does not read makes the
 * guest wait.
 */
final class PtySerial implements SerialBackend {
    static final int PROBE_MILLIS = 100;

    private static final int PROBE_BYTES = 256;

    private final Pty pty;
    private final MemorySegment probeBuffer = Arena.ofAuto().allocate(PROBE_BYTES);

    /** What a probe has read. */
    private final TypeAhead probed = new TypeAhead(PROBE_BYTES);

    private @Nullable EventLoop loop;
    private @Nullable SerialPort port;
    private @Nullable LoopTimer probeTimer;

    /** There while somebody has the terminal open. */
    private @Nullable FdStream stream;

    private PtySerial(Pty pty) {
        this.pty = pty;
    }

    static PtySerial open() {
        Pty pty = null;
        try {
            pty = Pty.open();
            StreamIo.setNonBlocking(pty.master(), true);
            // Raw from the start, so that the terminal does not echo the guest's output back as its input. Opened and
            // closed once, it also reports from now on whether somebody has it open.
            try (Fd peer = pty.openPeer()) {
                Termios raw = Termios.get(peer);
                raw.makeRaw();
                raw.setNow(peer);
            }
            return new PtySerial(pty);
        } catch (ErrnoException e) {
            if (pty != null) {
                pty.close();
            }
            throw new VmException.HostUnsupported(
                    "No pseudo-terminal for the serial line: " + e.getMessage() + ".",
                    "See that /dev/ptmx and /dev/pts are there and that there are pseudo-terminals left.",
                    e);
        }
    }

    @Override
    public String peerName() {
        return pty.peerPath();
    }

    @Override
    public void attach(EventLoop loop, SerialPort port) {
        this.loop = loop;
        this.port = port;
        this.probeTimer = loop.newTimer(new Probe());
        new Probe().run();
    }

    @Override
    public int transmit(MemorySegment source) {
        return stream == null ? (int) source.byteSize() : stream.write(source);
    }

    @Override
    public void receiveReady() {
        if (port != null) {
            probed.flush(port);
        }
        if (stream != null) {
            stream.resumeReading();
        }
    }

    @Override
    public void close() {
        if (probeTimer != null) {
            probeTimer.cancel();
        }
        if (stream != null) {
            stream.close();
            stream = null;
        }
        pty.close();
    }

    /** Looks whether somebody has opened the terminal. */
    private final class Probe implements Runnable {
        @Override
        public void run() {
            if (loop == null || port == null || probeTimer == null) {
                return;
            }
            int room = probed.room();
            int count = room == 0
                    ? StreamIo.END_OF_STREAM
                    : StreamIo.read(pty.master(), probeBuffer.asSlice(0, room));
            if (count == StreamIo.END_OF_STREAM) {
                probeTimer.arm(loop.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PROBE_MILLIS));
                return;
            }
            for (int i = 0; i < count; i++) {
                probed.put(probeBuffer.get(ValueLayout.JAVA_BYTE, i));
            }
            probed.flush(port);
            stream = new FdStream(loop, pty.master(), true, new Peer(port));
            stream.start();
        }
    }

    /** Whoever has the terminal open. */
    private final class Peer extends PortUser {
        Peer(SerialPort port) {
            super(port);
        }

        @Override
        public int receiveRoom() {
            // What was probed comes first.
            return probed.room() < PROBE_BYTES ? 0 : super.receiveRoom();
        }

        @Override
        public void gone() {
            stream = null;
            new Probe().run();
        }
    }
}
