// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.kvm.linux.EventFd;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.TapFd;
import dev.isthmus.machine.VmException;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What opening a tap does to the host, and what it says where it fails. */
@Timeout(120)
class TapSetupTest {
    private static final Path INTERFACES = Path.of("/sys/class/net");

    private final String name = NetNamespace.uniqueName();

    private static String message(Exception refusal) {
        return Objects.requireNonNull(refusal.getMessage());
    }

    @BeforeEach
    void tapsAreThere() {
        NetNamespace.requireTaps();
    }

    private static String attribute(String tap, String attribute) throws IOException {
        return Files.readString(INTERFACES.resolve(tap).resolve(attribute)).strip();
    }

    private static boolean exists(String tap) {
        return Files.exists(INTERFACES.resolve(tap));
    }

    private static void delete(String link) {
        if (exists(link)) {
            NetNamespace.run("ip", "link", "del", link);
        }
    }

    private static VmException refusal(TapOptions options) {
        return assertThrows(VmException.class, () -> TapBackend.open(options, "test net"));
    }

    @Test
    void tapIsMadeAndGoesWhenItIsClosed() throws IOException {
        try (TapBackend tap = TapBackend.open(new TapOptions(name), "test net")) {
            assertEquals(name, tap.interfaceName());
            assertEquals("tap " + name, tap.description());
            assertEquals(1, tap.queuePairs());
            assertTrue(tap.linkUp());
            assertEquals(1, Integer.decode(attribute(name, "flags")) & 1, "up");
        }
        assertFalse(exists(name));
    }

    @Test
    void patternTakesTheFirstFreeNumber() {
        String pattern = name.substring(0, name.length() - 1) + "y%d";
        try (TapBackend first = TapBackend.open(new TapOptions(pattern), "test net");
                TapBackend second = TapBackend.open(new TapOptions(pattern), "test net")) {
            assertEquals(pattern.replace("%d", "0"), first.interfaceName());
            assertEquals(pattern.replace("%d", "1"), second.interfaceName());
        }
    }

    @Test
    void hostSideStaysDownWhereThatIsAskedFor() throws IOException {
        try (TapBackend _ = TapBackend.open(new TapOptions(name).withUp(false), "test net")) {
            assertEquals(0, Integer.decode(attribute(name, "flags")) & 1);
        }
    }

    @Test
    void mtuOfTheHostSideIsSet() throws IOException {
        try (TapBackend _ = TapBackend.open(new TapOptions(name).withMtu(9000), "test net")) {
            assertEquals("9000", attribute(name, "mtu"));
        }
    }

    @Test
    void persistentTapStaysAndIsUsedAgain() {
        try {
            TapBackend.open(new TapOptions(name).withPersistent(true), "test net").close();
            assertTrue(exists(name));

            // One that is there stays as persistent as it is.
            TapBackend.open(new TapOptions(name), "test net").close();
            assertTrue(exists(name));
        } finally {
            delete(name);
        }
    }

    @Test
    void bridgeGetsThePortOnce() throws IOException {
        String bridge = name + "b";
        NetNamespace.run("ip", "link", "add", bridge, "type", "bridge");
        try {
            NetNamespace.run("ip", "tuntap", "add", name, "mode", "tap");
            TapOptions options = new TapOptions(name).withBridge(bridge);
            TapBackend.open(options, "test net").close();
            assertEquals(bridge, master());

            TapBackend.open(options, "test net").close();
            assertEquals(bridge, master());
        } finally {
            delete(name);
            delete(bridge);
        }
    }

    private String master() throws IOException {
        return String.valueOf(
                Files.readSymbolicLink(INTERFACES.resolve(name).resolve("master")).getFileName());
    }

    @Test
    void portOfAnotherBridgeIsLeftWhereItIs() throws IOException {
        String bridge = name + "b";
        String other = name + "c";
        NetNamespace.run("ip", "link", "add", bridge, "type", "bridge");
        NetNamespace.run("ip", "link", "add", other, "type", "bridge");
        try {
            NetNamespace.run("ip", "tuntap", "add", name, "mode", "tap");
            NetNamespace.run("ip", "link", "set", name, "master", other);

            VmException refusal = refusal(new TapOptions(name).withBridge(bridge));

            assertEquals(
                    "Can't make tap " + name + " a port of bridge " + bridge
                            + ": it is a port of another bridge or bond already.",
                    refusal.getMessage());
            assertTrue(refusal.remedy().contains("nomaster"), refusal.remedy());
            assertEquals(other, master());
        } finally {
            delete(name);
            delete(bridge);
            delete(other);
        }
    }

    @Test
    void missingBridgeIsNamedAndNothingIsLeft() {
        VmException refusal = refusal(new TapOptions(name).withBridge("isthmus-nobr").withPersistent(true));

        assertEquals(
                "Can't make tap " + name + " a port of bridge isthmus-nobr: there is no bridge of that name.",
                refusal.getMessage());
        assertEquals(
                "Make it (ip link add isthmus-nobr type bridge), or name another one.", refusal.remedy());
        assertFalse(exists(name));
    }

    @Test
    void interfaceThatIsNoBridgeIsNamed() {
        VmException refusal = refusal(new TapOptions(name).withBridge("lo"));

        assertEquals("Can't make tap " + name + " a port of bridge lo: lo is no bridge.", refusal.getMessage());
    }

    @Test
    void tapInUseIsNamed() {
        try (TapBackend _ = TapBackend.open(new TapOptions(name), "test net")) {
            VmException refusal = refusal(new TapOptions(name));

            assertEquals("The tap " + name + " is in use by another program.", refusal.getMessage());
            assertEquals("End that program, or name another tap.", refusal.remedy());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void interfaceThatIsNoTapIsNamed(int pairs) {
        VmException refusal = refusal(new TapOptions("lo").withQueuePairs(pairs));

        assertEquals("The network interface lo is no tap.", refusal.getMessage());
    }

    @Test
    void tunIsNoTap() {
        NetNamespace.run("ip", "tuntap", "add", name, "mode", "tun");
        try {
            assertEquals(
                    "The network interface " + name + " is no tap.",
                    refusal(new TapOptions(name)).getMessage());
        } finally {
            delete(name);
        }
    }

    @Test
    void tapForOneQueueCanNotHaveTwo() {
        NetNamespace.run("ip", "tuntap", "add", name, "mode", "tap");
        try {
            VmException refusal = refusal(new TapOptions(name).withQueuePairs(2));

            assertEquals(
                    "The tap " + name + " was made for one queue and can't have 2 queue pairs.",
                    refusal.getMessage());
            assertEquals(
                    "Make it with: ip tuntap add " + name + " mode tap multi_queue; or give it one queue pair.",
                    refusal.remedy());
        } finally {
            delete(name);
        }
    }

    @Test
    void tapForSeveralQueuesDoesForOne() {
        NetNamespace.run("ip", "tuntap", "add", name, "mode", "tap", "multi_queue");
        try (TapBackend tap = TapBackend.open(new TapOptions(name), "test net")) {
            assertEquals(1, tap.queuePairs());
        } finally {
            delete(name);
        }
    }

    @Test
    void descriptorThatIsNoTapIsNamed() {
        try (EventFd other = EventFd.create()) {
            int number = other.fd().number();

            VmException refusal = assertThrows(
                    VmException.class, () -> TapBackend.inherit(List.of(number), "test net"));

            assertEquals("Descriptor " + number + " is no tap.", refusal.getMessage());
        }
    }

    @Test
    void descriptorThatIsNotOpenIsNamed() {
        VmException refusal =
                assertThrows(VmException.class, () -> TapBackend.inherit(List.of(99_999), "test net"));

        assertEquals("Descriptor 99999 is not open.", refusal.getMessage());
    }

    @Test
    void queuesOfDifferentTapsAreRefusedAndStayTheCallers() {
        try (TapFd one = TapFd.open(name, true);
                TapFd other = TapFd.open(name + "b", true)) {
            List<Integer> numbers = List.of(one.fd().number(), other.fd().number());

            VmException refusal =
                    assertThrows(VmException.class, () -> TapBackend.inherit(numbers, "test net"));

            assertTrue(message(refusal).contains("different taps"), message(refusal));
            assertFalse(one.isDetached());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a b", "a/b", "a:b", "..", "sixteen-bytes-xx"})
    void nameThatNoInterfaceCanHaveIsRefused(String wrong) {
        IllegalArgumentException refusal =
                assertThrows(IllegalArgumentException.class, () -> new TapOptions(wrong));

        assertTrue(message(refusal).startsWith("the name of a tap has 1 to 15 bytes"), message(refusal));
    }

    @Test
    void numbersOutOfRangeAreRefused() {
        TapOptions options = new TapOptions(TapOptions.ANY_NAME);

        assertThrows(IllegalArgumentException.class, () -> options.withQueuePairs(0));
        assertThrows(
                IllegalArgumentException.class,
                () -> options.withQueuePairs(TapOptions.QUEUE_PAIRS_MAX + 1));
        assertThrows(IllegalArgumentException.class, () -> options.withMtu(67));
        assertThrows(IllegalArgumentException.class, () -> options.withMtu(65522));
        assertThrows(IllegalArgumentException.class, () -> options.withSendBuffer(-1));
        assertThrows(IllegalArgumentException.class, () -> options.withBridge("a b"));
    }

    @Test
    void failedOpeningClosesAllDescriptors() {
        int before = openDescriptors();
        for (int i = 0; i < 50; i++) {
            refusal(new TapOptions(name).withQueuePairs(2).withBridge("isthmus-nobr"));
            refusal(new TapOptions("lo"));
        }
        assertTrue(openDescriptors() < before + 20);
    }

    private static int openDescriptors() {
        String[] descriptors = Path.of("/proc/self/fd").toFile().list();
        return descriptors == null ? 0 : descriptors.length;
    }

    @Test
    void descriptorIsClosedOnce() {
        TapBackend tap = TapBackend.open(new TapOptions(name), "test net");
        tap.close();
        try (Fd _ = Fd.duplicateOf(0)) {
            tap.close();
        }
    }
}
