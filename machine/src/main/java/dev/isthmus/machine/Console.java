// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.util.ArrayList;
import java.util.List;

import dev.isthmus.device.EventLoop;
import dev.isthmus.machine.console.SerialConsole;
import dev.isthmus.virtio.console.ConsolePort;
import dev.isthmus.virtio.console.VirtioConsole;
import dev.isthmus.virtio.console.VirtioConsoleOptions;

/** The consoles and ports of the machine: what they are connected to, and the virtio device. */
record Console(ConsoleConfig config, String name, EventLoop loop, List<SerialConsole> lines, VirtioConsole device)
        implements HostedDevice {
    static Console open(ConsoleConfig config, String name, EventLoop loop) {
        List<SerialConsole> lines = new ArrayList<>();
        try {
            List<ConsolePort> ports = new ArrayList<>();
            for (ConsoleConfig.Port port : config.ports()) {
                SerialConsole line = SerialConsole.open(port.connection());
                lines.add(line);
                ports.add(new ConsolePort(line, port.name(), port.console()));
            }
            VirtioConsoleOptions options =
                    new VirtioConsoleOptions(VirtioConsoleOptions.DEFAULT_QUEUE_SIZE, config.packed());
            return new Console(config, name, loop, lines, new VirtioConsole(ports, options, loop, name));
        } catch (IllegalArgumentException e) {
            close(lines, loop);
            throw new VmException.Configuration("The consoles can't be so: " + e.getMessage() + ".", "Change that.", e);
        } catch (RuntimeException e) {
            close(lines, loop);
            throw e;
        }
    }

    private static void close(List<SerialConsole> lines, EventLoop loop) {
        loop.call(() -> {
            for (SerialConsole line : lines) {
                line.close();
            }
        });
    }

    void setPlugged(int port, boolean plugged) {
        HostedDevice.change(loop, () -> device.setPlugged(port, plugged));
    }

    @Override
    public void close() {
        close(lines, loop);
    }
}
