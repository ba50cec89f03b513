// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import dev.isthmus.device.EventLoop;
import dev.isthmus.memory.ScatterView;
import dev.isthmus.virtio.StatisticsSink;
import dev.isthmus.virtio.net.SendOutcome;

/**
 * User-mode networking: passt(1) translates between the guest's frames and ordinary sockets of the host, so that neither
 * privileges nor interfaces are needed. It is started and ended here.
 *
 * <p>Where passt ends before its time, the link goes down for good. Closing waits until passt has ended, which it does at
 * once as a rule and after some seconds at worst.
 *
 * <p>Threads are those of {@link dev.isthmus.virtio.net.NetBackend}.
 *
 * @see <a href="https://passt.top/">passt</a>
 */
public final class PasstBackend implements HostNetBackend {
    private final PasstProcess process;
    private final StreamBackend stream;

    private PasstBackend(PasstProcess process, StreamBackend stream) {
        this.process = process;
        this.stream = stream;
    }

    /**
     * Starts passt, and waits until it is there.
     *
     * @param options what the network is like
     * @param name how log messages call the network, such as "net 0"
     * @throws dev.isthmus.machine.VmException if passt is not installed, or does not start
     */
    public static PasstBackend start(PasstOptions options, String name) {
        PasstProcess.Started started = PasstProcess.start(options);
        return new PasstBackend(
                started.process(), StreamBackend.connected(started.connection(), "passt", name));
    }

    @Override
    public String description() {
        return "passt";
    }

    /** Returns the number of passt's process. Any thread. */
    public long pid() {
        return process.pid();
    }

    @Override
    public int queuePairs() {
        return stream.queuePairs();
    }

    @Override
    public long offloads() {
        return stream.offloads();
    }

    @Override
    public boolean linkUp() {
        return stream.linkUp();
    }

    @Override
    public void attach(Listener listener) {
        stream.attach(listener);
    }

    @Override
    public void start(EventLoop loop) {
        stream.start(loop);
    }

    @Override
    public void stop() {
        stream.stop();
    }

    @Override
    public void setGuestOffloads(long offloads) {
        stream.setGuestOffloads(offloads);
    }

    @Override
    public void setActivePairs(int pairs) {
        stream.setActivePairs(pairs);
    }

    @Override
    public SendOutcome send(int pair, ScatterView packet) {
        return stream.send(pair, packet);
    }

    @Override
    public int receive(int pair, ScatterView target) {
        return stream.receive(pair, target);
    }

    @Override
    public void setReceiving(int pair, boolean on) {
        stream.setReceiving(pair, on);
    }

    @Override
    public void report(StatisticsSink sink) {
        stream.report(sink);
    }

    @Override
    public void close() {
        stream.close();
        process.end();
    }
}
