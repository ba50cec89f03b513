// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.List;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.ImageIoException;
import dev.isthmus.block.image.ImageChain;
import dev.isthmus.block.image.ImageResizer;
import dev.isthmus.machine.VmException;
import dev.isthmus.vmm.ByteSize;

/** {@code isthmus image resize}. */
final class ImageResizeCommand {
    private static final int SECTOR_BYTES = 512;

    private ImageResizeCommand() {}

    static int run(ImageWork work) {
        List<String> operands = work.operands(2, 2);
        String name = operands.get(0);
        ImageFormat given = work.format(ImageOptions.FORMAT);
        ImageFormat format;
        try (BlockBackend disk = work.open(name, given, false, ImageChain.Bases.READ)) {
            format = ImageChain.formatOf(disk);
            long oldBytes = disk.capacityBytes();
            long newBytes = newSize(work, operands.get(1), oldBytes);
            if (newBytes < oldBytes && !work.has(ImageOptions.SHRINK)) {
                throw new VmException.Configuration(
                        "The disk " + name + " would become smaller, from " + oldBytes + " to " + newBytes + " bytes.",
                        "Say --shrink if what is cut off may be lost.");
            }
            if (given == null && format == ImageFormat.RAW) {
                throw work.usage(
                        "the format of " + name + " can't be told by its contents", "Say -f raw if that is what it is.");
            }
            ImageResizer.resize(disk, name, newBytes);
            ImageIoException.check(disk.flush(), "resize " + name);
        }
        work.printChanged(name, format);
        return ExitStatus.OK;
    }

    /** Reads a size, or the difference to the old one. */
    private static long newSize(ImageWork work, String text, long oldBytes) {
        long bytes;
        if (text.startsWith("+") || text.startsWith("-")) {
            long difference = ByteSize.parseBytes(text.substring(1));
            bytes = text.charAt(0) == '+' ? oldBytes + difference : oldBytes - difference;
        } else {
            bytes = ByteSize.parseBytes(text);
        }
        if (bytes < 0 || bytes > Long.MAX_VALUE - SECTOR_BYTES) {
            throw work.usage("the disk can't be changed by " + text, "It has " + oldBytes + " bytes now.");
        }
        return (bytes + SECTOR_BYTES - 1) & -SECTOR_BYTES;
    }
}
