// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.ImageOpener;

/** Opens the same image whatever it is called. */
record OneBase(BlockBackend base) implements ImageOpener {
    @Override
    public ImageFile openFile(String reference, boolean readOnly) {
        throw new ImageException("There is no " + reference + ".", "");
    }

    @Override
    public BlockBackend openBacking(String reference, @Nullable String formatName) {
        return base;
    }
}
