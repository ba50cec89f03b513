// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.FaultLog;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.ConfigSpace;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.VirtioIds;

/**
 * The virtio network device (virtio 1.2, section 5.1) as the guest sees it before it drives it. The backend stays its
 * maker's: it must outlive the device's last reset.
 *
 * <p>The link is up where the backend's is and nobody has taken it down by {@link #setLink}. While it is down, packets of
 * both directions are dropped and counted.
 */
public final class VirtioNet implements VirtioDevice {
    /** Most queue pairs: with the control queue there are as many queues as transports carry. */
    public static final int QUEUE_PAIRS_MAX = (QUEUE_COUNT_LIMIT - 1) / 2;

    private static final long FEATURES = VirtioNetProtocol.VIRTIO_NET_F_MAC
            | VirtioNetProtocol.VIRTIO_NET_F_STATUS
            | VirtioNetProtocol.VIRTIO_NET_F_MRG_RXBUF
            | VirtioNetProtocol.VIRTIO_NET_F_CTRL_VQ
            | VirtioNetProtocol.VIRTIO_NET_F_CTRL_RX
            | VirtioNetProtocol.VIRTIO_NET_F_CTRL_RX_EXTRA
            | VirtioNetProtocol.VIRTIO_NET_F_CTRL_VLAN
            | VirtioNetProtocol.VIRTIO_NET_F_CTRL_MAC_ADDR
            | VirtioNetProtocol.VIRTIO_NET_F_GUEST_ANNOUNCE
            | VirtioNetProtocol.VIRTIO_NET_F_SPEED_DUPLEX;

    private final NetBackend backend;
    private final VirtioNetOptions options;
    private final FaultLog faults;
    private final ConfigSpace config;
    private final long features;
    private final NetStatistics statistics = new NetStatistics();
    private final NetPacing pacing = new NetPacing();
    private final ReceiveFilter filter = new ReceiveFilter();
    private final PairMemory memory;

    // The rest: loop thread only, once the device is made.

    /** The address that the driver has set, or the one that it found. */
    private long mac;

    private boolean linkTakenDown;
    private boolean announcing;
    private @Nullable ActiveNet active;

    /**
     * Makes a device and attaches it to a backend.
     *
     * @param backend where packets go to and come from
     * @param options the rest
     * @param name how log messages call it, such as "virtio-net 0"
     * @throws IllegalArgumentException if the backend has more than {@link #QUEUE_PAIRS_MAX} queue pairs
     */
    public VirtioNet(NetBackend backend, VirtioNetOptions options, String name) {
        if (backend.queuePairs() < 1 || backend.queuePairs() > QUEUE_PAIRS_MAX) {
            throw new IllegalArgumentException("a network device has 1 to " + QUEUE_PAIRS_MAX + " queue pairs");
        }
        this.backend = backend;
        this.options = options;
        this.faults = new FaultLog(name);
        this.mac = options.mac().value();
        this.memory = new PairMemory(backend.queuePairs());
        this.features = offered(backend, options);
        this.config = new ConfigSpace(describe());
        backend.attach(new BackendEvents());
    }

    private static long offered(NetBackend backend, VirtioNetOptions options) {
        long offloads = options.offloads()
                ? backend.offloads() & (VirtioNetProtocol.HOST_OFFLOADS | VirtioNetProtocol.GUEST_OFFLOADS)
                : 0;
        long sound = NetFeatures.completePart(offloads);
        return FEATURES
                | sound
                | ((sound & VirtioNetProtocol.GUEST_OFFLOADS) != 0
                        ? VirtioNetProtocol.VIRTIO_NET_F_CTRL_GUEST_OFFLOADS
                        : 0)
                | (options.mtuBytes() != VirtioNetOptions.NO_MTU ? VirtioNetProtocol.VIRTIO_NET_F_MTU : 0)
                | (backend.queuePairs() > 1 ? VirtioNetProtocol.VIRTIO_NET_F_MQ : 0);
    }

    private byte[] describe() {
        int status = (linkUp() ? VirtioNetProtocol.VIRTIO_NET_S_LINK_UP : 0)
                | (announcing ? VirtioNetProtocol.VIRTIO_NET_S_ANNOUNCE : 0);
        return VirtioNetConfig.build(mac, status, backend.queuePairs(), options);
    }

    @Override
    public int deviceId() {
        return VirtioIds.VIRTIO_ID_NET;
    }

    @Override
    public long offeredFeatures() {
        return features;
    }

    @Override
    public boolean acceptsFeatures(long chosen) {
        return NetFeatures.complete(chosen);
    }

    @Override
    public boolean offersPackedQueues() {
        return options.packed();
    }

    @Override
    public int queueCount() {
        return 2 * backend.queuePairs() + 1;
    }

    @Override
    public int queueSizeMax(int queueIndex) {
        return options.queueSizeMax();
    }

    @Override
    public ConfigSpace config() {
        return config;
    }

    @Override
    public ActiveDevice activate(Activation activation) {
        filter.reset(mac, activation.has(VirtioNetProtocol.VIRTIO_NET_F_CTRL_VLAN));
        NetSession session =
                new NetSession(activation, backend, options, pacing, filter, statistics, memory, faults);
        ActiveNet activated = new ActiveNet(session, new DriverSettings(), linkUp(), this::closed);
        active = activated;
        return activated;
    }

    /** The next driver finds what the first one found. */
    private void closed() {
        active = null;
        mac = options.mac().value();
        announcing = false;
        config.replace(describe());
    }

    // What the machine does with the device.

    @Override
    public Statistics statistics() {
        return statistics;
    }

    /** Takes the link down, or up again as far as the backend's is; the driver is told. Loop thread. */
    public void setLink(boolean up) {
        linkTakenDown = !up;
        linkChanged();
    }

    /** Tells whether packets pass. Loop thread. */
    public boolean linkUp() {
        return !linkTakenDown && backend.linkUp();
    }

    /**
     * Asks the driver to announce itself to the network, if it can: the network has changed, or the machine's place in it.
     * Loop thread.
     *
     * @return whether there is a driver that can
     */
    public boolean announce() {
        ActiveNet current = active;
        if (current == null || !current.has(VirtioNetProtocol.VIRTIO_NET_F_GUEST_ANNOUNCE)) {
            return false;
        }
        announcing = true;
        config.replace(describe());
        current.configChanged();
        return true;
    }

    /** Sets rate limits, for packets that wait as well; there are none before. Loop thread. */
    public void setLimits(NetLimits limits) {
        pacing.setLimits(limits);
    }

    private void linkChanged() {
        int before = config.generation();
        config.replace(describe());
        ActiveNet current = active;
        if (current != null && config.generation() != before) {
            current.setLinkUp(linkUp());
            current.configChanged();
        }
    }

    private final class BackendEvents implements NetBackend.Listener {
        @Override
        public void readable(int pair) {
            ActiveNet current = active;
            if (current != null) {
                current.readable(pair);
            }
        }

        @Override
        public void writable(int pair) {
            ActiveNet current = active;
            if (current != null) {
                current.writable(pair);
            }
        }

        @Override
        public void linkChanged() {
            VirtioNet.this.linkChanged();
        }
    }

    private final class DriverSettings implements ControlQueue.Settings {
        @Override
        public void macChanged(long newMac) {
            mac = newMac;
            config.replace(describe());
        }

        @Override
        public void announceAcknowledged() {
            announcing = false;
            config.replace(describe());
        }

        @Override
        public void pairsChanged(int pairs) {
            ActiveNet current = active;
            if (current != null) {
                current.pairsChanged(pairs);
            }
        }
    }
}
