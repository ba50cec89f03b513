// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.util.concurrent.ThreadLocalRandom;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;
import dev.isthmus.machine.net.HostCaptureFile;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.StatisticsSink;
import dev.isthmus.virtio.net.CapturingBackend;
import dev.isthmus.virtio.net.MacAddress;
import dev.isthmus.virtio.net.NetBackend;
import dev.isthmus.virtio.net.NetLimits;
import dev.isthmus.virtio.net.VirtioNet;
import dev.isthmus.virtio.net.VirtioNetOptions;

/**
 * A network interface of the machine: what it is connected to, and the virtio device.
 *
 * <p>Changes are for any thread but the loop's.
 */
final class Network implements HostedDevice, Statistics {
    /** The prefix that QEMU's and libvirt's interfaces have: locally administered, of one interface. */
    private static final long MAC_PREFIX = 0x5254_0000_0000L;

    private static final int MAC_SUFFIX_END = 1 << 24;

    private final NetConfig config;
    private final String name;
    private final EventLoop loop;
    private final ConnectedLink link;
    private final @Nullable Capture capture;
    private final MacAddress mac;
    private final VirtioNet device;

    private volatile NetLimits limits;

    private Network(
            NetConfig config,
            String name,
            EventLoop loop,
            ConnectedLink link,
            @Nullable Capture capture,
            MacAddress mac,
            VirtioNet device) {
        this.config = config;
        this.name = name;
        this.loop = loop;
        this.link = link;
        this.capture = capture;
        this.mac = mac;
        this.device = device;
        this.limits = config.limits();
    }

    static Network open(NetConfig config, String name, DeviceHost host) {
        MacAddress given = config.mac();
        MacAddress mac = given == null ? macByChance() : given;
        VirtioNetOptions options;
        try {
            options = new VirtioNetOptions(mac)
                    .withMtu(config.mtuBytes())
                    .withOffloads(config.offloads())
                    .withPacked(config.packed());
        } catch (IllegalArgumentException e) {
            throw new VmException.Configuration(capital(name) + ": " + e.getMessage() + ".", "Give another.", e);
        }
        ConnectedLink link = ConnectedLink.open(config, name, host.loop());
        Capture capture = null;
        try {
            capture = Capture.open(config, link.backend(), name);
            NetBackend backend = capture == null ? link.backend() : capture.backend();
            VirtioNet device = new VirtioNet(backend, options, name);
            // Nothing runs yet: the loop thread sees this with the device's activation.
            device.setLimits(config.limits());
            device.setLink(config.linkUp());
            return new Network(config, name, host.loop(), link, capture, mac, device);
        } catch (RuntimeException e) {
            if (capture != null) {
                host.loop().call(capture::close);
            }
            link.close();
            throw e;
        }
    }

    private static MacAddress macByChance() {
        return new MacAddress(MAC_PREFIX | ThreadLocalRandom.current().nextInt(MAC_SUFFIX_END));
    }

    private static String capital(String text) {
        return Character.toUpperCase(text.charAt(0)) + text.substring(1);
    }

    @Override
    public NetConfig config() {
        return config;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public VirtioNet device() {
        return device;
    }

    MacAddress mac() {
        return mac;
    }

    NetLimits limits() {
        return limits;
    }

    void setLimits(NetLimits newLimits) {
        HostedDevice.change(loop, () -> device.setLimits(newLimits));
        limits = newLimits;
    }

    void setLink(boolean up) {
        HostedDevice.change(loop, () -> device.setLink(up));
    }

    boolean linkUp() {
        boolean[] up = new boolean[1];
        HostedDevice.change(loop, () -> up[0] = device.linkUp());
        return up[0];
    }

    boolean announce() {
        boolean[] asked = new boolean[1];
        HostedDevice.change(loop, () -> asked[0] = device.announce());
        return asked[0];
    }

    @Override
    public Statistics statistics() {
        return this;
    }

    @Override
    public void report(StatisticsSink sink) {
        device.statistics().report(sink);
        if (link.backend() instanceof Statistics ofLink) {
            ofLink.report(sink);
        }
        if (capture != null) {
            capture.backend().report(sink);
        }
    }

    @Override
    public void close() {
        link.close();
        if (capture != null) {
            loop.call(capture::close);
        }
    }

    /** A capture of all packets, and the file that it goes to. */
    private record Capture(CapturingBackend backend, HostCaptureFile file) {
        static @Nullable Capture open(NetConfig config, NetBackend captured, String name) {
            if (config.capture() == null) {
                return null;
            }
            HostCaptureFile file = HostCaptureFile.create(config.capture());
            return new Capture(new CapturingBackend(captured, file, name), file);
        }

        /** The device is gone, or was never made. Loop thread. */
        void close() {
            backend.flush();
            file.close();
        }
    }
}
