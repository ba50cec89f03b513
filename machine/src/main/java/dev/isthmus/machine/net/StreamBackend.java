// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Objects;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;
import dev.isthmus.device.FaultLog;
import dev.isthmus.device.FdWatch;
import dev.isthmus.device.LoopTimer;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.IoVectors;
import dev.isthmus.kvm.linux.StreamIo;
import dev.isthmus.kvm.linux.UnixSocket;
import dev.isthmus.kvm.linux.VectorIo;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.io.HostFaults;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.virtio.Counter;
import dev.isthmus.virtio.StatisticsSink;
import dev.isthmus.virtio.net.SendOutcome;

/**
 * A network that is another program at the other end of a Unix socket: a second machine on this host, or whatever speaks the
 * protocol of passt and QEMU's {@code -netdev stream}, each frame after its length. No offloads.
 *
 * <pre>
 *  state      link  in                                     out
 *  waiting    down  made by listen; the peer has gone      a peer connects, or is reached ({@value #RETRY_NANOS} ns)
 *  connected  up    made otherwise; a peer is there        the peer goes
 *  ended      down  the peer has gone, and no other can    –
 * </pre>
 *
 * <p>Threads are those of {@link dev.isthmus.virtio.net.NetBackend}. Allocates nothing in steady state.
 */
public final class StreamBackend implements HostNetBackend {
    /** How often one that connects tries again, after its peer has gone. */
    static final long RETRY_NANOS = 1_000_000_000;

    private final String description;
    private final FaultLog faults;
    private final LinkState link;

    /** Where peers connect, or null. */
    private final @Nullable UnixSocket socket;

    /** Where a peer listens, or null. */
    private final @Nullable String peerPath;

    private final Counter oversized = new Counter();
    private final Counter refused = new Counter();
    private final FrameReader reader = new FrameReader(oversized);
    private final FrameWriter writer = new FrameWriter();
    private final IoVectors room = new IoVectors(1);
    private @Nullable Listener listener;
    private @Nullable EventLoop loop;
    private @Nullable LoopTimer retry;
    private @Nullable FdWatch listening;

    /** The connection; null while there is none. */
    private @Nullable Fd peer;

    private @Nullable FdWatch watch;
    private int interest;
    private boolean started;
    private boolean receiving;

    /** The device waits for room. */
    private boolean full;

    private StreamBackend(
            String description, String name, @Nullable UnixSocket socket, @Nullable String peerPath, @Nullable Fd peer) {
        this.description = description;
        this.faults = new FaultLog(name);
        this.socket = socket;
        this.peerPath = peerPath;
        this.peer = peer;
        this.link = new LinkState(peer != null);
    }

    /**
     * Listens at a path for one peer at a time; others wait until it has gone. The link is down while there is none.
     *
     * @param name how log messages call the network, such as "net 0"
     * @throws VmException if that is not possible
     */
    public static StreamBackend listen(Path path, String name) {
        checkLength(path);
        try {
            UnixSocket socket = UnixSocket.listen(path.toString());
            return new StreamBackend("socket " + path, name, socket, null, null);
        } catch (ErrnoException e) {
            boolean inUse = e.errno() == Errno.EADDRINUSE;
            throw new VmException.Configuration(
                    "The network's socket " + path + " can't be made: "
                            + (inUse ? "the path is in use" : Errno.text(e.errno())) + ".",
                    inUse
                            ? "Use another path, or end what listens there, or remove the file if it is not wanted."
                            : "Name a path in a directory that exists and can be written.",
                    e);
        }
    }

    /**
     * Connects to a peer that listens at a path, and again whenever it has gone and come back.
     *
     * @param name how log messages call the network, such as "net 0"
     * @throws VmException if nobody listens there
     */
    public static StreamBackend connect(Path path, String name) {
        checkLength(path);
        try {
            Fd peer = UnixSocket.connect(path.toString());
            return new StreamBackend("socket " + path, name, null, path.toString(), peer);
        } catch (ErrnoException e) {
            throw switch (e.errno()) {
                case Errno.ENOENT, Errno.ECONNREFUSED, Errno.ENOTDIR -> new VmException.Configuration(
                        "Nobody listens at the network's socket " + path + ".",
                        "Start the machine or program that listens there first.",
                        e);
                case Errno.EAGAIN -> new VmException.Configuration(
                        "Too many wait at the network's socket " + path + " already.",
                        "It takes one machine at a time: end the other one, or use another path.",
                        e);
                case Errno.EACCES -> new VmException.Configuration(
                        "No permission to connect to the network's socket " + path + ".",
                        "Give this user the right to write it.",
                        e);
                default -> HostFaults.of("Can't connect to the network's socket " + path, e);
            };
        }
    }

    /**
     * Takes over a connected stream socket that somebody else has opened, such as the program that started this one.
     *
     * @param descriptor its number
     * @param name how log messages call the network, such as "net 0"
     * @throws VmException if it is not open; it is not taken over then
     */
    public static StreamBackend inherit(int descriptor, String name) {
        Fd peer = Fd.owning(descriptor);
        try {
            StreamIo.setNonBlocking(peer, true);
        } catch (ErrnoException e) {
            throw new VmException.Configuration(
                    "Descriptor " + descriptor + " is not open.", "Have the program that starts this one pass it on.", e);
        }
        return connected(peer, "socket of descriptor " + descriptor, name);
    }

    /** Takes over a connection, without another to come. Messages call the peer by the description. */
    static StreamBackend connected(Fd peer, String description, String name) {
        return new StreamBackend(description, name, null, null, peer);
    }

    private static void checkLength(Path path) {
        int pathBytes = path.toString().getBytes(StandardCharsets.UTF_8).length;
        if (pathBytes == 0 || pathBytes > UnixSocket.PATH_BYTES_MAX) {
            throw new VmException.Configuration(
                    "The network's socket path " + path + " has " + pathBytes + " bytes; Linux takes 1 to "
                            + UnixSocket.PATH_BYTES_MAX + ".",
                    "Use a shorter path, for example in /run or /tmp.");
        }
    }

    @Override
    public String description() {
        return description;
    }

    @Override
    public int queuePairs() {
        return 1;
    }

    @Override
    public long offloads() {
        return 0;
    }

    @Override
    public boolean linkUp() {
        return link.up();
    }

    @Override
    public void attach(Listener newListener) {
        listener = newListener;
        link.attach(newListener);
    }

    @Override
    public void start(EventLoop newLoop) {
        if (loop == null) {
            loop = newLoop;
            link.open(newLoop);
            retry = newLoop.newTimer(this::reconnect);
            if (peer != null) {
                watchPeer(newLoop, peer);
            } else {
                await();
            }
        }
        started = true;
        receiving = true;
        full = false;
        // What came for nobody.
        reader.discard();
        setInterest(interest | FdWatch.READABLE);
    }

    /** What comes is read and dropped, so that the peer need not wait. */
    @Override
    public void stop() {
        started = false;
        setInterest(interest | FdWatch.READABLE);
    }

    @Override
    public void setGuestOffloads(long offloads) {
        // There are none.
    }

    @Override
    public void setActivePairs(int pairs) {
        // There is one.
    }

    @Override
    public void setReceiving(int pair, boolean on) {
        receiving = on;
        if (on) {
            // Switched off only when something comes: most pauses end before that.
            setInterest(interest | FdWatch.READABLE);
        }
    }

    private void setInterest(int newInterest) {
        if (watch != null && interest != newInterest) {
            interest = newInterest;
            watch.setInterest(newInterest);
        }
    }

    // Peers come and go.

    private void await() {
        EventLoop current = Objects.requireNonNull(loop);
        if (socket != null) {
            listening = current.watch(socket.fd().number(), FdWatch.READABLE, this::accept);
        } else if (peerPath != null && retry != null) {
            retry.arm(current.nanoTime() + RETRY_NANOS);
        }
    }

    private void accept(int ready) {
        UnixSocket current = Objects.requireNonNull(socket);
        Fd accepted;
        try {
            accepted = current.accept();
        } catch (ErrnoException e) {
            faults.report("no further peers: " + e.getMessage());
            closeListening();
            return;
        }
        if (accepted != null) {
            closeListening();
            begin(accepted);
        }
    }

    private void closeListening() {
        if (listening != null) {
            listening.close();
            listening = null;
        }
    }

    private void reconnect() {
        Fd connected;
        try {
            connected = UnixSocket.connect(Objects.requireNonNull(peerPath));
        } catch (ErrnoException e) {
            await();
            return;
        }
        begin(connected);
    }

    private void begin(Fd newPeer) {
        peer = newPeer;
        reader.reset();
        writer.reset();
        watchPeer(Objects.requireNonNull(loop), newPeer);
        link.set(true);
    }

    private void watchPeer(EventLoop current, Fd newPeer) {
        interest = FdWatch.READABLE;
        watch = current.watch(newPeer.number(), interest, this::ready);
    }

    /** The peer has gone. */
    private void lost() {
        if (peer == null) {
            return;
        }
        closePeer();
        link.set(false);
        faults.report(description + " has no peer any more: the guest's link is down");
        await();
    }

    private void closePeer() {
        if (watch != null) {
            watch.close();
            watch = null;
        }
        if (peer != null) {
            peer.close();
            peer = null;
        }
    }

    // Frames.

    private void ready(int ready) {
        int asked = ready & interest;
        if ((ready & ~interest) != 0 && (interest & FdWatch.READABLE) == 0) {
            // Hung up, and what it still sent has nobody to take it.
            lost();
            return;
        }
        if ((asked & FdWatch.WRITABLE) != 0 && !flush()) {
            return;
        }
        if ((asked & FdWatch.READABLE) != 0) {
            if (!started) {
                read();
                reader.discard();
            } else if (receiving) {
                Objects.requireNonNull(listener).readable(0);
            } else {
                setInterest(interest & ~FdWatch.READABLE);
            }
        }
    }

    /** Goes on sending; tells whether the peer is still there. */
    private boolean flush() {
        SendOutcome outcome = writer.flush(Objects.requireNonNull(peer));
        if (outcome == SendOutcome.GONE) {
            lost();
            return false;
        }
        if (outcome == SendOutcome.TAKEN) {
            setInterest(interest & ~FdWatch.WRITABLE);
            if (full && started) {
                full = false;
                Objects.requireNonNull(listener).writable(0);
            }
        }
        return peer != null;
    }

    @Override
    public SendOutcome send(int pair, ScatterView packet) {
        Fd current = peer;
        if (current == null) {
            return SendOutcome.GONE;
        }
        SendOutcome outcome = writer.send(current, packet);
        switch (outcome) {
            case TAKEN -> {
                if (writer.hasRest()) {
                    setInterest(interest | FdWatch.WRITABLE);
                }
            }
            case FULL -> {
                full = true;
                setInterest(interest | FdWatch.WRITABLE);
            }
            case REFUSED -> refused.increment();
            case GONE -> lost();
        }
        return outcome;
    }

    @Override
    public int receive(int pair, ScatterView target) {
        int packetBytes = reader.poll(target);
        if (packetBytes == NOTHING && peer != null && read()) {
            packetBytes = reader.poll(target);
        }
        return packetBytes;
    }

    /** Reads once; tells whether anything came. */
    private boolean read() {
        reader.makeRoom();
        room.clear();
        room.add(reader.buffer(), reader.roomOffset(), reader.roomBytes());
        long result = VectorIo.readv(Objects.requireNonNull(peer), room);
        if (result > 0) {
            reader.filled((int) result);
            return true;
        }
        if (result != -Errno.EAGAIN) {
            lost();
        }
        return false;
    }

    @Override
    public void report(StatisticsSink sink) {
        sink.counter("stream_oversized", oversized.get());
        sink.counter("stream_refused", refused.get());
    }

    @Override
    public void close() {
        LinkState.onLoop(loop, this::closeWatches);
        // If there is one still, its loop has ended.
        watch = null;
        closePeer();
        if (socket != null) {
            socket.close();
        }
    }

    private void closeWatches() {
        closeListening();
        if (retry != null) {
            retry.cancel();
        }
        if (watch != null) {
            watch.close();
            watch = null;
        }
    }
}
