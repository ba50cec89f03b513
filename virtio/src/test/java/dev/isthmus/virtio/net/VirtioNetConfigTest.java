// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.VirtioIds;

import static dev.isthmus.virtio.net.VirtioNetProtocol.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What the guest sees before it drives a network device: virtio 1.2, sections 5.1.1 to 5.1.4. */
class VirtioNetConfigTest {
    private static NetTestRig rig(int pairs, long offloads, VirtioNetOptions options) {
        return new NetTestRig(
                VirtioRig.Carrier.PCI_MSIX, new FakeNetBackend(pairs, offloads), options);
    }

    @Test
    void configurationHasAddressStatusQueuesMtuAndSpeed() {
        NetTestRig rig = rig(3, 0, NetTestRig.options().withMtu(9000).withSpeed(10_000));

        assertEquals(VirtioIds.VIRTIO_ID_NET, rig.device.deviceId());
        for (int i = 0; i < MacAddress.BYTES; i++) {
            assertEquals(NetTestRig.MAC.value() >>> (40 - 8 * i) & 0xff, rig.driver.readConfig(i, 1), "mac");
        }
        assertEquals(VIRTIO_NET_S_LINK_UP, rig.driver.readConfig(6, 2), "status");
        assertEquals(3, rig.driver.readConfig(8, 2), "max_virtqueue_pairs");
        assertEquals(9000, rig.driver.readConfig(10, 2), "mtu");
        assertEquals(10_000, rig.driver.readConfig(12, 4), "speed");
        assertEquals(1, rig.driver.readConfig(16, 1), "duplex");
        assertEquals(7, rig.device.queueCount());
    }

    @Test
    void speedThatIsNotKnownReadsAsAllOnes() {
        assertEquals(0xffff_ffffL, rig(1, 0, NetTestRig.options()).driver.readConfig(12, 4));
    }

    @Test
    void featuresFollowBackendAndOptions() {
        long plain = rig(1, 0, NetTestRig.options()).device.offeredFeatures();
        long offloads = rig(1, NetTestRig.ALL_OFFLOADS, NetTestRig.options()).device.offeredFeatures();

        assertEquals(
                VIRTIO_NET_F_MAC
                        | VIRTIO_NET_F_STATUS
                        | VIRTIO_NET_F_MRG_RXBUF
                        | VIRTIO_NET_F_CTRL_VQ
                        | VIRTIO_NET_F_CTRL_RX
                        | VIRTIO_NET_F_CTRL_RX_EXTRA
                        | VIRTIO_NET_F_CTRL_VLAN
                        | VIRTIO_NET_F_CTRL_MAC_ADDR
                        | VIRTIO_NET_F_GUEST_ANNOUNCE
                        | VIRTIO_NET_F_SPEED_DUPLEX,
                plain);
        assertEquals(NetTestRig.ALL_OFFLOADS | VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, plain ^ offloads);
        assertEquals(VIRTIO_NET_F_MQ, plain ^ rig(2, 0, NetTestRig.options()).device.offeredFeatures());
        assertEquals(VIRTIO_NET_F_MTU, plain ^ rig(1, 0, NetTestRig.options().withMtu(1500)).device.offeredFeatures());
        assertEquals(
                plain,
                rig(1, NetTestRig.ALL_OFFLOADS, NetTestRig.options().withOffloads(false)).device.offeredFeatures());
    }

    @Test
    void offloadsOfABackendThatLackWhatTheyNeedAreNotOffered() {
        long backend = VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_ECN | VIRTIO_NET_F_GUEST_CSUM;

        long offered = rig(1, backend, NetTestRig.options()).device.offeredFeatures();

        assertEquals(VIRTIO_NET_F_GUEST_CSUM, offered & NetTestRig.ALL_OFFLOADS);
    }

    @ParameterizedTest
    @ValueSource(
            longs = {
                VIRTIO_NET_F_GUEST_TSO4,
                VIRTIO_NET_F_GUEST_TSO6,
                VIRTIO_NET_F_GUEST_USO4,
                VIRTIO_NET_F_GUEST_USO6,
                VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_GUEST_ECN,
                VIRTIO_NET_F_HOST_TSO4,
                VIRTIO_NET_F_HOST_TSO6,
                VIRTIO_NET_F_HOST_USO,
                VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_ECN,
                VIRTIO_NET_F_CTRL_RX,
                VIRTIO_NET_F_CTRL_RX_EXTRA,
                VIRTIO_NET_F_CTRL_VLAN,
                VIRTIO_NET_F_GUEST_ANNOUNCE,
                VIRTIO_NET_F_MQ,
                VIRTIO_NET_F_CTRL_MAC_ADDR
            })
    void featuresWithoutWhatTheyNeedAreRefused(long features) {
        // 5.1.3.1
        NetTestRig rig = rig(2, NetTestRig.ALL_OFFLOADS, NetTestRig.options());

        assertFalse(rig.driver.negotiate(features | VirtioFeatures.VIRTIO_F_VERSION_1));
        assertTrue(rig.driver.negotiate(rig.driver.deviceFeatures()));
    }

    @ParameterizedTest
    @CsvSource({"3, 0, -1", "48, 0, -1", "2048, 0, -1", "256, 67, -1", "256, 65536, -1", "256, 1500, -2"})
    void unfitOptionsAreRefused(int queueSize, int mtu, int speed) {
        assertThrows(
                IllegalArgumentException.class,
                () -> new VirtioNetOptions(NetTestRig.MAC, queueSize, mtu, speed, true, false));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "52:54:00:12:34", "52:54:00:12:34:5g", "52-54-00-12-34-56", "52:54:00:12:34:567", "5:254:00:12:34:56"})
    void unfitAddressesAreRefused(String text) {
        assertThrows(IllegalArgumentException.class, () -> MacAddress.parse(text));
    }

    @Test
    void addressOfManyInterfacesIsNoDevices() {
        assertEquals("52:54:00:0a:0b:ff", MacAddress.parse("52:54:00:0A:0B:ff").toString());
        assertThrows(
                IllegalArgumentException.class, () -> new VirtioNetOptions(MacAddress.parse("01:00:5e:00:00:01")));
        assertThrows(IllegalArgumentException.class, () -> new MacAddress(1L << 48));
    }

    @Test
    void backendOfTooManyQueuesIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> rig(32, 0, NetTestRig.options()));
        assertEquals(63, rig(31, 0, NetTestRig.options()).device.queueCount());
    }
}
