// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import dev.isthmus.virtio.queue.ChainReader;
import dev.isthmus.virtio.queue.DescriptorChain;
import dev.isthmus.virtio.queue.Malformed;
import dev.isthmus.virtio.queue.PopOutcome;
import dev.isthmus.virtio.queue.Virtqueue;

/**
 * The running control queue (virtio 1.2, section 5.1.6.5). Every command is carried out or refused at once; what a
 * command does not use of its data is ignored.
 *
 * <pre>
 *  device-readable   u8 class, u8 command, data
 *  device-writable   u8 ack
 * </pre>
 *
 * <p>Loop thread only; allocates nothing once it is warm.
 */
final class ControlQueue {
    private static final int COMMAND_BYTES = 2;

    /** What commands change beyond filters. */
    interface Settings {
        /** The driver has another address. */
        void macChanged(long mac);

        /** The driver knows that it is to announce itself. */
        void announceAcknowledged();

        /** So many queue pairs are in use from now on. */
        void pairsChanged(int pairs);
    }

    private final int index;
    private final Virtqueue queue;
    private final NetSession session;
    private final Settings settings;
    private final ChainReader data = new ChainReader();
    private final byte[] address = new byte[MacAddress.BYTES];
    private boolean broken;

    ControlQueue(int index, Virtqueue queue, NetSession session, Settings settings) {
        this.index = index;
        this.queue = queue;
        this.session = session;
        this.settings = settings;
    }

    /**
     * Carries out what the driver has made available, at most one round of the queue.
     *
     * @param polled whether the loop looks by itself, so that the driver need not notify
     * @return whether more may be available, for a later call
     */
    boolean process(boolean polled) {
        int budget = queue.size();
        queue.disableNotifications();
        do {
            PopOutcome outcome = broken ? null : queue.pop();
            while (outcome instanceof DescriptorChain chain) {
                handle(chain);
                budget--;
                outcome = broken || budget == 0 ? null : queue.pop();
            }
            if (outcome instanceof Malformed malformed) {
                fail(malformed.reason().description());
            }
        } while (!broken && budget > 0 && !polled && queue.enableNotifications());
        if (queue.needsNotification()) {
            session.activation.driver().usedBuffers(index);
        }
        return !broken && budget == 0;
    }

    boolean hasAvailable() {
        return !broken && queue.hasAvailable();
    }

    void disableNotifications() {
        queue.disableNotifications();
    }

    void takeNoMore() {
        broken = true;
    }

    private void fail(String reason) {
        broken = true;
        session.activation.driver().needsReset(index, reason);
    }

    private void handle(DescriptorChain chain) {
        data.reset(chain);
        if (data.remainingBytes() < COMMAND_BYTES || chain.writable().totalBytes() == 0) {
            fail("command without a class or without room for its answer");
            return;
        }
        int commandClass = data.readU8();
        int command = data.readU8();
        session.statistics.controlCommands.increment();
        boolean done = carryOut(commandClass, command);
        if (!done) {
            session.statistics.controlRefused.increment();
            session.faults.report("command refused");
        }
        chain.writable()
                .setByte(0, (byte) (done ? VirtioNetProtocol.VIRTIO_NET_OK : VirtioNetProtocol.VIRTIO_NET_ERR));
        queue.push(chain, 1);
    }

    /** Carries out a command whose feature was negotiated; tells whether it is sound. */
    private boolean carryOut(int commandClass, int command) {
        return switch (commandClass) {
            case VirtioNetProtocol.VIRTIO_NET_CTRL_RX -> setMode(command);
            case VirtioNetProtocol.VIRTIO_NET_CTRL_MAC ->
                switch (command) {
                    case VirtioNetProtocol.VIRTIO_NET_CTRL_MAC_TABLE_SET ->
                        session.has(VirtioNetProtocol.VIRTIO_NET_F_CTRL_RX) && session.filter.setTable(data);
                    case VirtioNetProtocol.VIRTIO_NET_CTRL_MAC_ADDR_SET -> setMac();
                    default -> false;
                };
            case VirtioNetProtocol.VIRTIO_NET_CTRL_VLAN -> setVlan(command);
            case VirtioNetProtocol.VIRTIO_NET_CTRL_ANNOUNCE -> acknowledge(command);
            case VirtioNetProtocol.VIRTIO_NET_CTRL_MQ -> setPairs(command);
            case VirtioNetProtocol.VIRTIO_NET_CTRL_GUEST_OFFLOADS -> setOffloads(command);
            default -> false;
        };
    }

    private boolean setMode(int command) {
        boolean extra = command > VirtioNetProtocol.VIRTIO_NET_CTRL_RX_ALLMULTI;
        long feature =
                extra ? VirtioNetProtocol.VIRTIO_NET_F_CTRL_RX_EXTRA : VirtioNetProtocol.VIRTIO_NET_F_CTRL_RX;
        return session.has(feature)
                && data.remainingBytes() >= 1
                && session.filter.setMode(command, data.readU8() != 0);
    }

    private boolean setMac() {
        if (!session.has(VirtioNetProtocol.VIRTIO_NET_F_CTRL_MAC_ADDR) || data.remainingBytes() < MacAddress.BYTES) {
            return false;
        }
        data.read(address, 0, MacAddress.BYTES);
        long mac = MacAddress.read(address, 0);
        if (MacAddress.isMulticast(mac)) {
            return false;
        }
        session.filter.setMac(mac);
        settings.macChanged(mac);
        return true;
    }

    private boolean setVlan(int command) {
        boolean add = command == VirtioNetProtocol.VIRTIO_NET_CTRL_VLAN_ADD;
        return session.has(VirtioNetProtocol.VIRTIO_NET_F_CTRL_VLAN)
                && (add || command == VirtioNetProtocol.VIRTIO_NET_CTRL_VLAN_DEL)
                && data.remainingBytes() >= Short.BYTES
                && session.filter.setVlan(data.readU16(), add);
    }

    private boolean acknowledge(int command) {
        if (!session.has(VirtioNetProtocol.VIRTIO_NET_F_GUEST_ANNOUNCE)
                || command != VirtioNetProtocol.VIRTIO_NET_CTRL_ANNOUNCE_ACK) {
            return false;
        }
        settings.announceAcknowledged();
        return true;
    }

    private boolean setPairs(int command) {
        if (!session.has(VirtioNetProtocol.VIRTIO_NET_F_MQ)
                || command != VirtioNetProtocol.VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET
                || data.remainingBytes() < Short.BYTES) {
            return false;
        }
        int pairs = data.readU16();
        if (pairs < 1 || pairs > session.queuePairs) {
            return false;
        }
        settings.pairsChanged(pairs);
        return true;
    }

    private boolean setOffloads(int command) {
        if (!session.has(VirtioNetProtocol.VIRTIO_NET_F_CTRL_GUEST_OFFLOADS)
                || command != VirtioNetProtocol.VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET
                || data.remainingBytes() < Long.BYTES) {
            return false;
        }
        long offloads = data.readU64();
        long negotiated = session.activation.features() & VirtioNetProtocol.GUEST_OFFLOADS;
        if ((offloads & ~negotiated) != 0) {
            return false;
        }
        session.setGuestOffloads(offloads);
        return true;
    }
}
