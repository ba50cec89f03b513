// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.List;

import dev.isthmus.block.ImageCancelledException;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.image.NewImage;
import dev.isthmus.vmm.ByteSize;

/** {@code isthmus image create}. */
final class ImageCreateCommand {
    private ImageCreateCommand() {}

    static int run(ImageWork work) {
        List<String> operands = work.operands(1, 2);
        String name = operands.getFirst();
        ImageFormat format = work.newFormat(ImageOptions.FORMAT_OF_NEW);
        try (NewImageArguments wanted = new NewImageArguments(work, name, format, work.value(ImageOptions.BACKING))) {
            long lengthBytes = wanted.examineBase();
            if (operands.size() == 2) {
                lengthBytes = ByteSize.parseBytes(operands.get(1));
            }
            if (lengthBytes < 0) {
                throw work.usage("no size given", "Say how large the disk is to be, for example 20G.");
            }
            make(work, wanted, lengthBytes);
        }
        work.printChanged(name, format);
        return ExitStatus.OK;
    }

    private static void make(ImageWork work, NewImageArguments wanted, long lengthBytes) {
        try (NewImage image = wanted.make(lengthBytes)) {
            if (work.progress().cancelled()) {
                throw new ImageCancelledException();
            }
            image.keep();
        }
    }
}
