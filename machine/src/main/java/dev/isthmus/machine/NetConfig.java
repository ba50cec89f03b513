// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.nio.file.Path;

import org.jspecify.annotations.Nullable;

import dev.isthmus.virtio.net.MacAddress;
import dev.isthmus.virtio.net.NetLimits;
import dev.isthmus.virtio.net.VirtioNetOptions;

/**
 * A network interface of the guest (virtio-net): {@code NetConfig.of(new NetworkLink.Switched(lan))}.
 *
 * @param link what it is connected to
 * @param mac its address, or null for one by chance
 * @param mtuBytes the MTU that the guest is told of, or {@link VirtioNetOptions#NO_MTU}
 * @param offloads whether checksums and segmentation may be left to the host and to the guest
 * @param packed whether the guest may choose packed queues
 * @param limits how much may pass
 * @param linkUp whether the guest finds the cable plugged in
 * @param capture a file that gets all packets in pcapng format, replaced where it exists; null for none
 * @param id what {@link Machine#network} calls it, or null for a name by its position
 */
public record NetConfig(
        NetworkLink link,
        @Nullable MacAddress mac,
        int mtuBytes,
        boolean offloads,
        boolean packed,
        NetLimits limits,
        boolean linkUp,
        @Nullable Path capture,
        @Nullable String id)
        implements DeviceConfig {

    /** Makes an interface with offloads and an address by chance, without limits. */
    public static NetConfig of(NetworkLink link) {
        return new NetConfig(link, null, VirtioNetOptions.NO_MTU, true, false, NetLimits.NONE, true, null, null);
    }

    /** Sets the address; one by chance where not called. */
    public NetConfig withMac(@Nullable MacAddress newMac) {
        return new NetConfig(link, newMac, mtuBytes, offloads, packed, limits, linkUp, capture, id);
    }

    /** Tells the guest of an MTU, 68 to 65535; of none where not called. */
    public NetConfig withMtu(int newMtuBytes) {
        return new NetConfig(link, mac, newMtuBytes, offloads, packed, limits, linkUp, capture, id);
    }

    /** Says whether checksums and segmentation may be left to the host and to the guest; they may where not called. */
    public NetConfig withOffloads(boolean newOffloads) {
        return new NetConfig(link, mac, mtuBytes, newOffloads, packed, limits, linkUp, capture, id);
    }

    /** Says whether the guest may choose packed queues; it may not where not called. */
    public NetConfig withPacked(boolean newPacked) {
        return new NetConfig(link, mac, mtuBytes, offloads, newPacked, limits, linkUp, capture, id);
    }

    /** Sets how much may pass; {@link NetLimits#NONE} where not called. */
    public NetConfig withLimits(NetLimits newLimits) {
        return new NetConfig(link, mac, mtuBytes, offloads, packed, newLimits, linkUp, capture, id);
    }

    /** Says whether the guest finds the cable plugged in; it does where not called. */
    public NetConfig withLinkUp(boolean newLinkUp) {
        return new NetConfig(link, mac, mtuBytes, offloads, packed, limits, newLinkUp, capture, id);
    }

    /** Has all packets written to a file, in pcapng format; an existing one is replaced. */
    public NetConfig withCapture(@Nullable Path newCapture) {
        return new NetConfig(link, mac, mtuBytes, offloads, packed, limits, linkUp, newCapture, id);
    }

    /** Names the interface for {@link Machine#network}, logs and errors; null for a name by its position. */
    public NetConfig withId(@Nullable String newId) {
        return new NetConfig(link, mac, mtuBytes, offloads, packed, limits, linkUp, capture, newId);
    }

    @Override
    public String kind() {
        return "network";
    }
}
