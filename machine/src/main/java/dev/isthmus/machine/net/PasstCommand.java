// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.net.InetAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** passt's command line (passt(1)). */
final class PasstCommand {
    private PasstCommand() {}

    /**
     * Returns the command for options.
     *
     * @param socket where passt is to listen
     */
    static String[] of(String program, PasstOptions options, Path socket, PasstUser user) {
        List<String> command = new ArrayList<>(List.of(program, "--foreground", "--quiet", "--one-off"));
        add(command, "--socket", socket.toString());
        String runAs = user.name();
        if (runAs != null) {
            add(command, "--runas", runAs);
        }
        if (!options.hostLoopback()) {
            command.add("--no-map-gw");
        }
        if (options.mtuBytes() != PasstOptions.MTU_OF_PASST) {
            add(command, "--mtu", Integer.toString(options.mtuBytes()));
        }
        addAll(command, "--address", options.guestAddresses());
        addAll(command, "--gateway", options.gateways());
        addAll(command, "--dns", options.nameServers());
        addForwards(command, "--tcp-ports", options, PortForward.Protocol.TCP);
        // Without this, passt forwards the UDP ports of the same numbers as well.
        addForwards(command, "--udp-ports", options, PortForward.Protocol.UDP);
        return command.toArray(new String[0]);
    }

    private static void add(List<String> command, String option, String value) {
        command.add(option);
        command.add(value);
    }

    private static void addAll(List<String> command, String option, List<InetAddress> addresses) {
        for (InetAddress address : addresses) {
            add(command, option, address.getHostAddress());
        }
    }

    private static void addForwards(
            List<String> command, String option, PasstOptions options, PortForward.Protocol protocol) {
        boolean any = false;
        for (PortForward forward : options.forwards()) {
            if (forward.protocol() == protocol) {
                add(command, option, forward.specification());
                any = true;
            }
        }
        if (!any) {
            add(command, option, "none");
        }
    }
}
