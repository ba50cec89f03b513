// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.Locale;

import dev.isthmus.machine.DeviceConfig;
import dev.isthmus.machine.FolderConfig;
import dev.isthmus.machine.NetConfig;
import dev.isthmus.machine.NetworkLink;
import dev.isthmus.machine.fs.FolderOwnership;
import dev.isthmus.virtio.net.VirtioNetOptions;

/** Virtio devices beside the disks in {@code --dry-run}. */
final class DeviceText {
    private DeviceText() {}

    /** Returns the name of the device's kind, as in the specification's titles. */
    static String model(DeviceConfig device) {
        return switch (device) {
            case FolderConfig _ -> "virtio-fs";
            case NetConfig _ -> "virtio-net";
        };
    }

    /** Returns what was resolved of its configuration. */
    static String of(DeviceConfig device) {
        return switch (device) {
            case FolderConfig folder -> folder(folder);
            case NetConfig net -> net(net);
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
        };
    }

    private static String id(DeviceConfig device) {
        return device.id() == null ? "" : ", id " + device.id();
    }
}
