// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.Locale;

import dev.isthmus.machine.BalloonConfig;
import dev.isthmus.machine.ConsoleConfig;
import dev.isthmus.machine.DeviceConfig;
import dev.isthmus.machine.FolderConfig;
import dev.isthmus.machine.NetConfig;
import dev.isthmus.machine.NetworkLink;
import dev.isthmus.machine.RngConfig;
import dev.isthmus.machine.VsockConfig;
import dev.isthmus.machine.fs.FolderOwnership;
import dev.isthmus.machine.net.PasstOptions;
import dev.isthmus.machine.net.PortForward;
import dev.isthmus.machine.net.TapOptions;
import dev.isthmus.virtio.net.VirtioNetOptions;
import dev.isthmus.vmm.ByteSize;

/** Virtio devices beside the disks in {@code --dry-run}. */
final class DeviceText {
    private DeviceText() {}

    /** Returns the name of the device's kind, as in the specification's titles. */
    static String model(DeviceConfig device) {
        return switch (device) {
            case FolderConfig _ -> "virtio-fs";
            case NetConfig _ -> "virtio-net";
            case RngConfig _ -> "virtio-rng";
            case ConsoleConfig _ -> "virtio-console";
            case VsockConfig _ -> "virtio-vsock";
            case BalloonConfig _ -> "virtio-balloon";
        };
    }

    /** Returns what was resolved of its configuration. */
    static String of(DeviceConfig device) {
        return switch (device) {
            case FolderConfig folder -> folder(folder);
            case NetConfig net -> net(net);
            case RngConfig rng -> rng(rng);
            case ConsoleConfig consoles -> consoles(consoles);
            case VsockConfig vsock ->
                "cid " + vsock.guestCid() + ", socket " + vsock.path() + id(vsock) + (vsock.packed() ? ", packed" : "");
            case BalloonConfig balloon -> balloon(balloon);
        };
    }

    private static String folder(FolderConfig folder) {
        return folder.path() + " (tag " + folder.tag() + (folder.readOnly() ? ", read-only" : "")
                + id(folder)
                + ", owner " + owner(folder.ownership())
                + ", cache " + folder.cache().name().toLowerCase(Locale.ROOT)
                + (folder.queues() == 1 ? "" : ", " + folder.queues() + " queues")
                + (folder.packed() ? ", packed" : "") + ")";
    }

    private static String owner(FolderOwnership ownership) {
        return switch (ownership) {
            case FolderOwnership.Guest _ -> "by the guest";
            case FolderOwnership.Squashed owner ->
                owner.equals(FolderOwnership.ROOT)
                        ? "root"
                        : Integer.toUnsignedString(owner.uid()) + ":" + Integer.toUnsignedString(owner.gid());
        };
    }

    private static String net(NetConfig net) {
        return link(net.link()) + " (mac " + (net.mac() == null ? "by chance" : net.mac().toString())
                + id(net)
                + (net.mtuBytes() == VirtioNetOptions.NO_MTU ? "" : ", mtu " + net.mtuBytes())
                + (net.offloads() ? "" : ", no offloads")
                + (net.packed() ? ", packed" : "")
                + (net.linkUp() ? "" : ", link down")
                + (net.capture() == null ? "" : ", captured in " + net.capture()) + ")";
    }

    private static String link(NetworkLink link) {
        return switch (link) {
            case NetworkLink.Switched _ -> "a switch of the program";
            case NetworkLink.Tap tap -> tap(tap.options());
            case NetworkLink.TapDescriptors tap -> "tap of descriptors " + tap.descriptors();
            case NetworkLink.User user -> user(user.options());
            case NetworkLink.Listening socket -> "socket " + socket.path() + ", listening";
            case NetworkLink.Connecting socket -> "socket " + socket.path();
            case NetworkLink.SocketDescriptor socket -> "socket of descriptor " + socket.descriptor();
        };
    }

    private static String tap(TapOptions tap) {
        return "tap " + (tap.name().equals(TapOptions.ANY_NAME) ? "of the next free name" : tap.name())
                + (tap.queuePairs() == 1 ? "" : ", " + tap.queuePairs() + " queue pairs")
                + (tap.bridge() == null ? "" : ", bridge " + tap.bridge())
                + (tap.persistent() ? ", persistent" : "");
    }

    private static String user(PasstOptions user) {
        StringBuilder text = new StringBuilder("user mode (passt)");
        for (PortForward forward : user.forwards()) {
            text.append(", ")
                    .append(forward.protocol().name().toLowerCase(Locale.ROOT))
                    .append(" port ")
                    .append(forward.hostPort())
                    .append(" to ")
                    .append(forward.guestPort());
        }
        return text.toString();
    }

    private static String consoles(ConsoleConfig consoles) {
        StringBuilder text = new StringBuilder();
        for (ConsoleConfig.Port port : consoles.ports()) {
            text.append(text.isEmpty() ? "" : "; ")
                    .append(port.console() ? "console" : "channel " + port.name())
                    .append(": ")
                    .append(DryRun.serial(port.connection()));
        }
        return text.append(id(consoles)).toString();
    }

    private static String rng(RngConfig rng) {
        return "the host's random numbers" + id(rng) + DryRun.limit("bps", rng.rate()) + (rng.packed() ? ", packed" : "");
    }

    private static String balloon(BalloonConfig balloon) {
        return ByteSize.format(balloon.targetBytes()) + id(balloon)
                + (balloon.deflateOnOom() ? ", deflated rather than out of memory" : "")
                + (balloon.reporting() ? ", free memory reported" : "")
                + (balloon.packed() ? ", packed" : "");
    }

    private static String id(DeviceConfig device) {
        return device.id() == null ? "" : ", id " + device.id();
    }
}
