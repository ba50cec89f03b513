// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.FaultLog;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.ConfigSpace;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.VirtioIds;

/**
 * The virtio socket device (virtio 1.2, section 5.10) with stream sockets, as the guest sees it before it drives it. The
 * backend stays its maker's: it must outlive the device's last reset.
 */
public final class VirtioVsock implements VirtioDevice {
    private final VsockBackend backend;
    private final VirtioVsockOptions options;
    private final FaultLog faults;
    private final ConfigSpace config;
    private final VsockStatistics statistics = new VsockStatistics();

    // The rest: loop thread only, once the device is made.

    private long guestCid;

    /** A driver that comes back to a machine which was interrupted is to be told. */
    private boolean resetToTell;

    private @Nullable ActiveVsock active;

    /**
     * Makes a device and attaches it to a backend.
     *
     * @param backend where connections lead to
     * @param options the rest
     * @param name how log messages call it, such as "virtio-vsock"
     */
    public VirtioVsock(VsockBackend backend, VirtioVsockOptions options, String name) {
        this.backend = backend;
        this.options = options;
        this.faults = new FaultLog(name);
        this.guestCid = options.guestCid();
        this.config = new ConfigSpace(describe());
        backend.attach(new BackendEvents());
    }

    private byte[] describe() {
        return ByteBuffer.allocate(VirtioVsockProtocol.CONFIG_BYTES)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(guestCid)
                .array();
    }

    @Override
    public int deviceId() {
        return VirtioIds.VIRTIO_ID_VSOCK;
    }

    @Override
    public long offeredFeatures() {
        return VirtioVsockProtocol.VIRTIO_VSOCK_F_STREAM | VirtioVsockProtocol.VIRTIO_VSOCK_F_NO_IMPLIED_STREAM;
    }

    @Override
    public boolean offersPackedQueues() {
        return options.packed();
    }

    @Override
    public int queueCount() {
        return VirtioVsockProtocol.QUEUE_COUNT;
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
        VsockSession session = new VsockSession(activation, backend, options, guestCid, statistics, faults);
        ActiveVsock activated = new ActiveVsock(session, resetToTell, this::closed);
        resetToTell = false;
        active = activated;
        return activated;
    }

    private void closed() {
        active = null;
    }

    // What the machine does with the device.

    @Override
    public Statistics statistics() {
        return statistics;
    }

    /**
     * Ends all connections, and tells the driver by VIRTIO_VSOCK_EVENT_TRANSPORT_RESET (5.10.6.7), once it has a buffer for
     * that: the machine goes on from a snapshot, elsewhere or later, and the host's ends are not what they were. Where the
     * device has no driver yet, the next one is told. Loop thread.
     *
     * @param newGuestCid the guest's context ID from now on, 3 to 0xfffffffe
     */
    public void transportReset(long newGuestCid) {
        if (newGuestCid < VirtioVsockProtocol.GUEST_CID_MIN || newGuestCid > VirtioVsockProtocol.GUEST_CID_MAX) {
            throw new IllegalArgumentException("a guest's CID is from 3 to 4294967294");
        }
        guestCid = newGuestCid;
        config.replace(describe());
        ActiveVsock current = active;
        if (current == null) {
            resetToTell = true;
        } else {
            current.transportReset(newGuestCid);
        }
    }

    /** Returns the guest's context ID. Loop thread. */
    public long guestCid() {
        return guestCid;
    }

    /** Returns how many connections there are, those that are opening or closing included. Loop thread. */
    public int connectionCount() {
        ActiveVsock current = active;
        return current == null ? 0 : current.connectionCount();
    }

    /** Returns how much memory holds data of the guest's that programs on the host have not taken yet. Loop thread. */
    public long heldBytes() {
        ActiveVsock current = active;
        return current == null ? 0 : current.heldBytes();
    }

    private final class BackendEvents implements VsockBackend.Listener {
        @Override
        public boolean incoming(VsockConnection connection, long guestPort) {
            ActiveVsock current = active;
            return current != null && current.incoming(connection, guestPort);
        }
    }
}
