// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.image.ImageChain;
import dev.isthmus.block.image.ImageMerger;
import dev.isthmus.block.qcow2.Qcow2Amender;
import dev.isthmus.block.qcow2.Qcow2Image;

/** {@code isthmus image rebase} and {@code isthmus image commit}: what an image and its base hold between them. */
final class ImageRebaseCommand {
    private ImageRebaseCommand() {}

    static int rebase(ImageWork work) {
        String name = work.image();
        String backing = work.value(ImageOptions.REBASE_BACKING);
        if (backing == null) {
            throw work.usage("no base given", "Name it with -b; -b '' is for none.");
        }
        ImageFormat given = work.format(ImageOptions.BACKING_FORMAT);
        String formatName = given == null ? null : given.formatName();
        String newName = backing.isEmpty() ? null : backing;
        if (work.has(ImageOptions.UNSAFE)) {
            if (newName != null && formatName == null) {
                throw work.usage("no format given for the new base", "Say -F raw, -F qcow2 or what it is.");
            }
            try (Qcow2Image image = work.openQcow2(name, false, ImageChain.Bases.LEAVE)) {
                Qcow2Amender.changeBacking(image, newName, formatName);
            }
        } else {
            rebaseSafely(work, name, newName, formatName);
        }
        work.printChanged(name, ImageFormat.QCOW2);
        return ExitStatus.OK;
    }

    private static void rebaseSafely(
            ImageWork work, String name, @Nullable String newName, @Nullable String formatName) {
        try (Qcow2Image image = work.openQcow2(name, false, ImageChain.Bases.READ)) {
            if (newName == null) {
                ImageMerger.rebase(image, name, null, null, null, work.progress());
                return;
            }
            // The image itself is open for writing: its lock refuses a base that it would be part of.
            try (BlockBackend base = NewImageArguments.openBase(work, name, newName, formatName)) {
                String found = ImageChain.formatOf(base).formatName();
                ImageMerger.rebase(image, name, base, newName, found, work.progress());
            }
        }
    }

    static int commit(ImageWork work) {
        String name = work.image();
        try (Qcow2Image image = work.openQcow2(name, false, ImageChain.Bases.WRITE)) {
            ImageMerger.commit(image, name, !work.has(ImageOptions.KEEP), work.progress());
        }
        work.printChanged(name, ImageFormat.QCOW2);
        return ExitStatus.OK;
    }
}
