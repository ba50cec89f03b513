// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.time.Instant;
import java.util.List;

import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.image.ImageChain;
import dev.isthmus.block.qcow2.Qcow2Image;
import dev.isthmus.block.qcow2.Qcow2Snapshot;
import dev.isthmus.block.qcow2.Qcow2Snapshots;
import dev.isthmus.machine.VmException;

/** {@code isthmus image snapshot}. */
final class ImageSnapshotCommand {
    private static final CommandOption[] ACTIONS = {
        ImageOptions.LIST, ImageOptions.TAKE, ImageOptions.APPLY, ImageOptions.DELETE
    };

    private ImageSnapshotCommand() {}

    static int run(ImageWork work) {
        String name = work.image();
        CommandOption action = action(work);
        if (action.equals(ImageOptions.LIST)) {
            return list(work, name);
        }
        if (work.has(ImageOptions.FORCE_SHARE)) {
            throw work.usage("an image that others use can't be changed", "Leave --force-share out.");
        }
        String snapshot = String.valueOf(work.value(action));
        try (Qcow2Image image = work.openQcow2(name, false, ImageChain.Bases.LEAVE)) {
            Qcow2Snapshots snapshots = new Qcow2Snapshots(image);
            if (action.equals(ImageOptions.TAKE)) {
                snapshots.create(snapshot, Instant.now());
            } else if (snapshots.find(snapshot) == null) {
                throw new VmException.Configuration(
                        name + " has no snapshot '" + snapshot + "'.", "'isthmus image snapshot -l' lists them.");
            } else if (action.equals(ImageOptions.APPLY)) {
                snapshots.apply(snapshot);
            } else {
                snapshots.delete(snapshot);
            }
        }
        work.printChanged(name, ImageFormat.QCOW2);
        return ExitStatus.OK;
    }

    private static CommandOption action(ImageWork work) {
        CommandOption found = null;
        for (CommandOption action : ACTIONS) {
            if (work.has(action)) {
                if (found != null) {
                    throw work.usage("only one of -l, -c, -a and -d can be done at a time", "Leave the others out.");
                }
                found = action;
            }
        }
        return found == null ? ImageOptions.LIST : found;
    }

    private static int list(ImageWork work, String name) {
        List<Qcow2Snapshot> snapshots;
        try (Qcow2Image image = work.openQcow2(name, true, ImageChain.Bases.LEAVE)) {
            snapshots = new Qcow2Snapshots(image).list();
        }
        if (work.has(ImageOptions.JSON)) {
            JsonText json = new JsonText().beginObject().field("filename", name);
            ImageInfoCommand.snapshots(json, snapshots);
            work.print(json.endObject().toString());
        } else if (!snapshots.isEmpty()) {
            work.print(ImageInfoCommand.snapshotTable(snapshots));
        }
        return ExitStatus.OK;
    }
}
