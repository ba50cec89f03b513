// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.DeviceStatus;

import static dev.isthmus.virtio.net.VirtioNetProtocol.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Commands, by the clauses of virtio 1.2, section 5.1.6.5, over every transport and ring format. */
@ParameterizedClass
@CsvSource({"MMIO, false", "MMIO, true", "PCI_MSIX, false", "PCI_MSIX, true", "PCI_INTX, false", "PCI_INTX, true"})
class VirtioNetControlTest {
    private static final MacAddress OTHER = MacAddress.parse("52:54:00:00:00:01");
    private static final MacAddress GROUP = MacAddress.parse("01:00:5e:00:00:01");
    private static final MacAddress BROADCAST = new MacAddress(MacAddress.BROADCAST);
    private static final byte ON = 1;
    private static final byte OFF = 0;

    private final FakeNetBackend backend = new FakeNetBackend(1, NetTestRig.ALL_OFFLOADS);
    private final NetTestRig rig;
    private boolean bufferWaits;

    VirtioNetControlTest(VirtioRig.Carrier carrier, boolean packed) {
        rig = new NetTestRig(carrier, backend, NetTestRig.options().withPacked(packed));
    }

    private void bringUp() {
        rig.bringUp(rig.device.offeredFeatures());
        bufferWaits = false;
    }

    /** Tells whether a packet reaches the driver. */
    private boolean passes(byte[] packet) {
        if (!bufferWaits) {
            rig.offerBuffer(NetTestRig.RECEIVE_GPA, 2000);
        }
        rig.arrive(packet);
        bufferWaits = !rig.receive.pollUsed();
        return !bufferWaits;
    }

    private boolean passes(MacAddress destination) {
        return passes(NetTestRig.packet(destination, 60));
    }

    private void set(int mode, byte on) {
        assertEquals(VIRTIO_NET_OK, rig.command(VIRTIO_NET_CTRL_RX, mode, on));
    }

    private static byte[] table(MacAddress[] unicast, MacAddress[] multicast) {
        ByteBuffer bytes = ByteBuffer.allocate(8 + 6 * (unicast.length + multicast.length))
                .order(ByteOrder.LITTLE_ENDIAN);
        for (MacAddress[] part : new MacAddress[][] {unicast, multicast}) {
            bytes.putInt(part.length);
            for (MacAddress address : part) {
                byte[] six = new byte[6];
                MacAddress.write(address.value(), six, 0);
                bytes.put(six);
            }
        }
        return bytes.array();
    }

    private static MacAddress[] many(MacAddress first, int count) {
        MacAddress[] addresses = new MacAddress[count];
        for (int i = 0; i < count; i++) {
            addresses[i] = new MacAddress(first.value() + i);
        }
        return addresses;
    }

    private void setTable(MacAddress[] unicast, MacAddress[] multicast) {
        assertEquals(
                VIRTIO_NET_OK, rig.command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, table(unicast, multicast)));
    }

    @Test
    void everythingPassesUntilTheDriverSetsAMode() {
        bringUp();

        assertTrue(passes(OTHER) && passes(GROUP) && passes(BROADCAST));
    }

    @Test
    void ownAddressAndBroadcastPassWithoutPromiscuousMode() {
        bringUp();
        set(VIRTIO_NET_CTRL_RX_PROMISC, OFF);

        assertEquals(true, passes(NetTestRig.MAC));
        assertEquals(true, passes(BROADCAST));
        assertEquals(false, passes(OTHER));
        assertEquals(1, rig.counter("receive_filtered"));
    }

    @Test
    void modesApplyAsTheirClausesSay() {
        // 5.1.6.5.1.1
        bringUp();
        set(VIRTIO_NET_CTRL_RX_PROMISC, OFF);
        set(VIRTIO_NET_CTRL_RX_ALLMULTI, ON);
        assertTrue(passes(GROUP));
        set(VIRTIO_NET_CTRL_RX_ALLUNI, ON);
        assertTrue(passes(OTHER));
        set(VIRTIO_NET_CTRL_RX_NOMULTI, ON);
        assertTrue(passes(BROADCAST), "this filter does not apply to broadcast packets");
        set(VIRTIO_NET_CTRL_RX_PROMISC, ON);
        set(VIRTIO_NET_CTRL_RX_NOUNI, ON);
        set(VIRTIO_NET_CTRL_RX_NOBCAST, ON);
        assertTrue(passes(OTHER) && passes(GROUP) && passes(BROADCAST), "promiscuous mode wins");
    }

    @ParameterizedTest
    @CsvSource({"3, 01:00:5e:00:00:01", "4, 52:54:00:12:34:56", "5, ff:ff:ff:ff:ff:ff"})
    void suppressionWinsOverAllModesButPromiscuous(int mode, String destination) {
        bringUp();
        set(VIRTIO_NET_CTRL_RX_PROMISC, OFF);
        set(VIRTIO_NET_CTRL_RX_ALLMULTI, ON);
        set(VIRTIO_NET_CTRL_RX_ALLUNI, ON);
        rig.offerBuffer(NetTestRig.RECEIVE_GPA, 2000);
        set(mode, ON);

        rig.arrive(NetTestRig.packet(MacAddress.parse(destination), 60));
        assertEquals(1, rig.counter("receive_filtered"));
        set(mode, OFF);
        rig.arrive(NetTestRig.packet(MacAddress.parse(destination), 60));

        assertEquals(1, rig.counter("receive_packets"));
    }

    @Test
    void tableNamesMoreAddresses() {
        bringUp();
        set(VIRTIO_NET_CTRL_RX_PROMISC, OFF);
        setTable(many(OTHER, 2), many(GROUP, 3));

        assertTrue(passes(OTHER) && passes(GROUP));
        assertTrue(passes(new MacAddress(OTHER.value() + 1)) && passes(new MacAddress(GROUP.value() + 2)));
        assertEquals(false, passes(new MacAddress(OTHER.value() + 2)));
        setTable(many(OTHER, 0), many(GROUP, 0));
        assertEquals(false, passes(OTHER));
    }

    @Test
    void tooManyUnicastAddressesLetAllUnicastPacketsPass() {
        // 5.1.6.5.2: it can silently switch to promiscuous mode if it is given too many addresses.
        bringUp();
        set(VIRTIO_NET_CTRL_RX_PROMISC, OFF);
        setTable(many(OTHER, 65), many(GROUP, 1));

        assertTrue(passes(new MacAddress(OTHER.value() + 1000)) && passes(GROUP));
        assertEquals(false, passes(new MacAddress(GROUP.value() + 1)));
    }

    @Test
    void multicastAddressesThatFindNoRoomLetAllMulticastPacketsPass() {
        bringUp();
        set(VIRTIO_NET_CTRL_RX_PROMISC, OFF);
        setTable(many(OTHER, 60), many(GROUP, 5));

        assertTrue(passes(new MacAddress(GROUP.value() + 1000)) && passes(OTHER));
        assertEquals(false, passes(new MacAddress(OTHER.value() + 1000)));
    }

    @ParameterizedTest
    @CsvSource({"1, 0", "0x2aaaaaab, 0", "0xffffffff, 0", "0, 1", "0, 0xffffffff"})
    void tableThatIsShorterThanItSaysIsRefusedAndTheOldOneStays(String unicast, String multicast) {
        bringUp();
        set(VIRTIO_NET_CTRL_RX_PROMISC, OFF);
        setTable(many(OTHER, 1), many(GROUP, 0));
        byte[] data = ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(Long.decode(unicast).intValue())
                .putInt(Long.decode(multicast).intValue())
                .array();

        assertEquals(VIRTIO_NET_ERR, rig.command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, data));
        assertTrue(passes(OTHER));
    }

    @Test
    void addressThatTheDriverSetsIsFilteredAndShownUntilTheReset() {
        // 5.1.6.5.2.1: mac in the configuration changes before the command is used.
        bringUp();
        set(VIRTIO_NET_CTRL_RX_PROMISC, OFF);

        assertEquals(
                VIRTIO_NET_OK,
                rig.command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, new byte[] {0x52, 0x54, 0, 0, 0, 1}));

        assertEquals(1, rig.driver.readConfig(5, 1));
        assertTrue(passes(OTHER));
        rig.driver.reset();
        assertEquals(0x56, rig.driver.readConfig(5, 1));
    }

    @Test
    void addressOfManyInterfacesIsRefused() {
        bringUp();

        assertEquals(
                VIRTIO_NET_ERR,
                rig.command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, new byte[] {1, 0, 0, 0, 0, 1}));
    }

    private static byte[] tagged(int vlan) {
        byte[] packet = NetTestRig.packet(NetTestRig.MAC, 64);
        packet[24] = (byte) 0x81;
        packet[25] = 0;
        packet[26] = (byte) (0xe0 | vlan >>> 8);
        packet[27] = (byte) vlan;
        return packet;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 63, 64, 4095})
    void vlanPassesWhileItIsAdded(int vlan) {
        bringUp();
        set(VIRTIO_NET_CTRL_RX_PROMISC, OFF);
        assertEquals(false, passes(tagged(vlan)));
        byte[] id = {(byte) vlan, (byte) (vlan >>> 8)};

        assertEquals(VIRTIO_NET_OK, rig.command(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, id));
        assertTrue(passes(tagged(vlan)));
        assertTrue(passes(tagged(0)), "priority without a VLAN");
        assertEquals(VIRTIO_NET_OK, rig.command(VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL, id));
        assertEquals(false, passes(tagged(vlan)));
    }

    @Test
    void vlansPassWhereTheirFilterWasNotNegotiated() {
        rig.bringUp(VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX);
        set(VIRTIO_NET_CTRL_RX_PROMISC, OFF);

        assertTrue(passes(tagged(7)));
    }

    @Test
    void offloadsAreSwitchedWithinWhatWasNegotiated() {
        // 5.1.6.5.6
        bringUp();
        assertEquals(GUEST_OFFLOADS, backend.guestOffloads);
        byte[] checksum = {2, 0, 0, 0, 0, 0, 0, 0};

        assertEquals(VIRTIO_NET_OK, rig.command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, checksum));
        assertEquals(VIRTIO_NET_F_GUEST_CSUM, backend.guestOffloads);

        rig.bringUp(VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_GUEST_OFFLOADS);
        assertEquals(VIRTIO_NET_ERR, rig.command(VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, checksum));
        assertEquals(0, backend.guestOffloads);
    }

    @Test
    void announcementIsAskedForAndAcknowledged() {
        // 5.1.6.5.4
        bringUp();
        rig.transport.takeInterrupts();
        int generation = rig.driver.configGeneration();

        assertTrue(rig.device.announce());
        assertEquals(1, rig.transport.takeInterrupts());
        assertNotEquals(generation, rig.driver.configGeneration());
        assertEquals(VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE, rig.driver.readConfig(6, 2));

        assertEquals(VIRTIO_NET_OK, rig.command(VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK));
        assertEquals(VIRTIO_NET_S_LINK_UP, rig.driver.readConfig(6, 2));
    }

    @Test
    void driverThatCannotAnnounceIsNotAsked() {
        rig.bringUp(VIRTIO_NET_F_CTRL_VQ);

        assertEquals(false, rig.device.announce());
        assertEquals(VIRTIO_NET_S_LINK_UP, rig.driver.readConfig(6, 2));
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "0, 1", "0, 2", "1, 0", "1, 1", "2, 0", "2, 1", "3, 0", "4, 0", "5, 0"})
    void commandsOfFeaturesThatWereNotNegotiatedAreRefused(int commandClass, int command) {
        rig.bringUp(VIRTIO_NET_F_CTRL_VQ);

        assertEquals(VIRTIO_NET_ERR, rig.command(commandClass, command, new byte[16]));
        assertEquals(1, rig.counter("control_refused"));
    }

    @ParameterizedTest
    @CsvSource({"0, 6", "1, 2", "2, 2", "3, 1", "4, 1", "5, 1", "6, 0", "255, 255"})
    void unknownCommandsAreRefused(int commandClass, int command) {
        bringUp();

        assertEquals(VIRTIO_NET_ERR, rig.command(commandClass, command, new byte[16]));
    }

    @ParameterizedTest
    @CsvSource({"0, 0, 0", "1, 0, 3", "1, 1, 5", "2, 0, 1", "5, 0, 7", "4, 0, 1"})
    void commandsWithTooLittleDataAreRefused(int commandClass, int command, int bytes) {
        bringUp();

        assertEquals(VIRTIO_NET_ERR, rig.command(commandClass, command, new byte[bytes]));
    }

    @Test
    void commandWithoutRoomForItsAnswerNeedsAReset() {
        bringUp();
        rig.control.offer(Buffer.readable(NetTestRig.COMMAND_GPA, 3));
        rig.notifyQueue(2);

        assertNotEquals(0, rig.driver.status() & DeviceStatus.DEVICE_NEEDS_RESET);
    }

    @Test
    void filtersAreEmptyAfterAReset() {
        // 5.1.6.5.2.1: the device must have an empty MAC filtering table on reset.
        bringUp();
        setTable(many(OTHER, 1), many(GROUP, 0));
        bringUp();
        set(VIRTIO_NET_CTRL_RX_PROMISC, OFF);

        assertEquals(false, passes(OTHER));
    }
}
