// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.serial.SerialConfig;

/**
 * Consoles and ports of the guest (virtio-console), each connected as a serial line is:
 * {@code ConsoleConfig.EMPTY.withConsole(new SerialConfig.Stdio())}. In Linux consoles are {@code hvc0} and so on, and ports
 * {@code /dev/virtio-ports/NAME}.
 *
 * @param ports 1 to 31 of them, by their numbers
 * @param packed whether the guest may choose packed queues
 * @param id what logs and errors call the device, or null for a name by its position
 */
public record ConsoleConfig(List<Port> ports, boolean packed, @Nullable String id) implements DeviceConfig {
    /** Without ports yet. */
    public static final ConsoleConfig EMPTY = new ConsoleConfig(List.of(), false, null);

    /**
     * One console or port.
     *
     * @param name how programs of the guest find it, at most 128 bytes without slashes; empty for none
     * @param console whether it is a console, and no port for programs
     * @param connection what it is connected to on the host; opened with the machine
     */
    public record Port(String name, boolean console, SerialConfig connection) {}

    /** Copies the list. */
    public ConsoleConfig {
        ports = List.copyOf(ports);
    }

    /** Adds a console. */
    public ConsoleConfig withConsole(SerialConfig connection) {
        return withPort(new Port("", true, connection));
    }

    /** Adds a port for programs of the guest. */
    public ConsoleConfig withChannel(String name, SerialConfig connection) {
        return withPort(new Port(name, false, connection));
    }

    /** Adds a console or port. */
    public ConsoleConfig withPort(Port port) {
        List<Port> more = new ArrayList<>(ports);
        more.add(port);
        return new ConsoleConfig(more, packed, id);
    }

    /** Says whether the guest may choose packed queues; it may not where not called. */
    public ConsoleConfig withPacked(boolean newPacked) {
        return new ConsoleConfig(ports, newPacked, id);
    }

    /** Names the device for logs and errors; null for a name by its position. */
    public ConsoleConfig withId(@Nullable String newId) {
        return new ConsoleConfig(ports, packed, newId);
    }

    @Override
    public String kind() {
        return "console";
    }
}
