// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import dev.isthmus.machine.ConsoleConfig;
import dev.isthmus.machine.MachineConsole;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.machine.serial.SerialConfig;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Linux has a console that is resized, a file that it writes to, and a named port that a program of the host talks to. */
@RequiresKvm
class LinuxConsoleIT {
    private static final String CHANNEL = "dev.isthmus.test.0";

    @TempDir
    Path folder;

    @ParameterizedTest
    @Timeout(240)
    @EnumSource(VirtioTransport.class)
    void consoleIsResizedAndChannelCarriesBothWays(VirtioTransport transport) throws Exception {
        Path socket = folder.resolve("channel");
        Path output = folder.resolve("output");
        // Ports are found by the names that the kernel tells; the demo guest has nothing that makes links of them.
        String script = "for d in /sys/class/virtio-ports/*; do [ \"$(cat $d/name)\" = " + CHANNEL + " ] && port=${d##*/}; done; "
                + "echo port=$port; echo to the console > /dev/hvc0; "
                + "exec 3<> /dev/$port; read line <&3; echo guest got $line; echo answer to $line >&3; "
                + "until [ \"$(stty size < /dev/hvc0)\" = '50 132' ]; do sleep 0.1; done; echo resized once; "
                + "until [ \"$(stty size < /dev/hvc0)\" = '24 80' ]; do sleep 0.1; done; exit 33";
        ConsoleConfig consoles = ConsoleConfig.EMPTY
                .withConsole(new SerialConfig.ToFile(output))
                .withChannel(CHANNEL, new SerialConfig.UnixSocket(socket))
                .withPacked(transport == VirtioTransport.MMIO);

        try (Vm vm = LinuxGuest.running(GuestKernel.ELF_PVH, "sh", "-c", script)
                        .transport(transport)
                        .device(consoles)
                        .start();
                SocketChannel program = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            MachineConsole console = vm.console();
            assertNotNull(console);
            assertEquals(socket.toString(), console.peerName(1));
            program.connect(UnixDomainSocketAddress.of(socket));
            program.write(ByteBuffer.wrap("question\n".getBytes(StandardCharsets.US_ASCII)));
            assertEquals("answer to question\n", readLine(program));
            console.resize(0, 132, 50);
            vm.serial().awaitText("resized once", LinuxGuest.DEADLINE);
            console.resize(0, 80, 24);
            VmResult result = LinuxGuest.awaitEnd(vm);

            String text = vm.serial().text();
            assertEquals(new VmResult.DebugExit(33), result, text);
            assertTrue(text.contains("guest got question"), text);
        }
        String written = Files.readString(output);
        assertTrue(written.contains("to the console"), written);
    }

    private static String readLine(SocketChannel channel) throws Exception {
        StringBuilder line = new StringBuilder();
        ByteBuffer one = ByteBuffer.allocate(1);
        while (line.indexOf("\n") < 0 && channel.read(one) == 1) {
            line.append((char) one.get(0));
            one.clear();
        }
        return line.toString();
    }
}
