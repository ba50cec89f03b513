// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import dev.isthmus.testing.tools.HostPrograms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/**
 * A network namespace of a test's own, with programs that run in it. Taps are made outside and moved in, which their open
 * descriptors do not notice: so no address of a test's meets one of the host's.
 */
final class NetNamespace implements AutoCloseable {
    private static final AtomicInteger NUMBERS = new AtomicInteger();

    final String name = "isthmus-test-" + ProcessHandle.current().pid() + "-" + NUMBERS.incrementAndGet();
    private final List<Process> programs = new ArrayList<>();

    NetNamespace() {
        requireTaps();
        run("ip", "netns", "add", name);
        ip("link set lo up");
    }

    /** Skips the test where this user may not make taps and namespaces; CI must be able to. */
    static void requireTaps() {
        HostPrograms.require("ip", "socat");
        boolean able = System.getProperty("user.name").equals("root") && Files.isWritable(Path.of("/dev/net/tun"));
        assertTrue(able || System.getenv("CI") == null, "CI is to run as root, with /dev/net/tun");
        assumeTrue(able, "needs root and /dev/net/tun");
    }

    /** Returns a name for an interface outside of a namespace that no other test has. */
    static String uniqueName() {
        return "ist" + ProcessHandle.current().pid() % 1_000_000 + "x" + NUMBERS.incrementAndGet();
    }

    /** Runs ip(8) in the namespace. */
    void ip(String arguments) {
        List<String> command = new ArrayList<>(List.of("ip", "-n", name));
        command.addAll(List.of(arguments.split(" ")));
        run(command.toArray(new String[0]));
    }

    /** Moves a tap in, gives it an address and tells it where the guest is. */
    void take(TapBackend backend) {
        String tap = backend.interfaceName();
        run("ip", "link", "set", tap, "netns", name);
        ip("link set " + tap + " up");
        ip("addr add " + Frames.HOST_ADDRESS + "/24 dev " + tap);
        ip("neigh add " + Frames.GUEST_ADDRESS + " lladdr 52:54:00:12:34:56 dev " + tap);
    }

    /** Moves taps in and joins them by a bridge. */
    void bridge(TapBackend... backends) {
        ip("link add br0 type bridge");
        ip("link set br0 up");
        for (TapBackend backend : backends) {
            String tap = backend.interfaceName();
            run("ip", "link", "set", tap, "netns", name);
            ip("link set " + tap + " master br0");
            ip("link set " + tap + " up");
        }
    }

    /** Starts a program in the namespace. */
    Process start(String... command) {
        List<String> inside = new ArrayList<>(List.of("ip", "netns", "exec", name));
        inside.addAll(List.of(command));
        try {
            Process program = new ProcessBuilder(inside)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            programs.add(program);
            return program;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Returns the hardware address of an interface in the namespace. */
    byte[] hardwareAddress(String tap) {
        String text = read("/sys/class/net/" + tap + "/address").strip();
        byte[] address = new byte[6];
        for (int i = 0; i < 6; i++) {
            address[i] = (byte) Integer.parseInt(text.substring(3 * i, 3 * i + 2), 16);
        }
        return address;
    }

    /** Waits until a program listens for datagrams. */
    void awaitUdpServer(int port) {
        String entry = ":%04X ".formatted(port);
        LiveBackend.awaitTrue(() -> read("/proc/net/udp").contains(entry), "nobody listens");
    }

    /** Returns how many datagrams programs in the namespace have got. */
    int udpDatagramsReceived() {
        return read("/proc/net/snmp")
                .lines()
                .filter(line -> line.startsWith("Udp: ") && Character.isDigit(line.charAt(5)))
                .mapToInt(line -> Integer.parseInt(line.split(" ", 3)[1]))
                .findFirst()
                .orElseThrow();
    }

    private String read(String path) {
        return run("ip", "netns", "exec", name, "cat", path);
    }

    /** Runs a program to its end and returns what it wrote. */
    static String run(String... command) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).redirectInput(new File("/dev/null")).start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertEquals(0, process.waitFor(), String.join(" ", command) + ": " + output);
            return output;
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        for (Process program : programs) {
            program.descendants().forEach(ProcessHandle::destroyForcibly);
            program.destroyForcibly();
            program.onExit().orTimeout(10, TimeUnit.SECONDS).join();
        }
        run("ip", "netns", "del", name);
    }
}
