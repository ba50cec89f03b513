// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.List;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.image.ImageChain;
import dev.isthmus.block.image.ImageConverter;
import dev.isthmus.block.image.NewImage;
import dev.isthmus.vmm.ByteSize;

/** {@code isthmus image convert}. */
final class ImageConvertCommand {
    private static final int MAX_SPARSE_BYTES = 2 << 20;

    private ImageConvertCommand() {}

    static int run(ImageWork work) {
        List<String> operands = work.operands(2, 2);
        String sourceName = operands.get(0);
        String targetName = operands.get(1);
        ImageFormat format = work.newFormat(ImageOptions.OUTPUT_FORMAT);
        boolean compress = work.has(ImageOptions.COMPRESS);
        if (compress && format != ImageFormat.QCOW2) {
            throw work.usage("a raw image can't be compressed", "Choose -O qcow2, or leave -c out.");
        }
        int sparseBytes = sparse(work);
        // First, so that a target that is part of it is found to be in use.
        try (BlockBackend source =
                        work.open(sourceName, work.format(ImageOptions.FORMAT), true, ImageChain.Bases.READ);
                NewImageArguments wanted =
                        new NewImageArguments(work, targetName, format, work.value(ImageOptions.NEW_BACKING))) {
            wanted.examineBase();
            try (NewImage target = wanted.make(source.capacityBytes())) {
                ImageConverter.convert(
                        source, sourceName, target, work.zstd(), sparseBytes, compress, work.progress());
            }
        }
        work.printChanged(targetName, format);
        return ExitStatus.OK;
    }

    private static int sparse(ImageWork work) {
        String text = work.value(ImageOptions.SPARSE);
        if (text == null) {
            return ImageConverter.DEFAULT_SPARSE_BYTES;
        }
        long bytes = ByteSize.parseBytes(text);
        if (bytes != 0 && (bytes < 512 || bytes > MAX_SPARSE_BYTES || Long.bitCount(bytes) != 1)) {
            throw work.usage("'" + text + "' can't be the smallest hole", "Give a power of 2 from 512 to 2M, or 0.");
        }
        return (int) bytes;
    }
}
