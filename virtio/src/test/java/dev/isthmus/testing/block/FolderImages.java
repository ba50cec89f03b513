// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.block;

import java.nio.file.Path;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.ClusterCodec;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.ImageOpener;
import dev.isthmus.block.RawImage;
import dev.isthmus.block.qcow2.Qcow2Image;

/** Opens what images in one folder name, raw ones and qcow2 ones, as {@link ChannelImageFile}. */
public final class FolderImages implements ImageOpener {
    private final Path folder;
    private final @Nullable ClusterCodec zstd;

    /** Makes one for a folder. */
    public FolderImages(Path folder, @Nullable ClusterCodec zstd) {
        this.folder = folder;
        this.zstd = zstd;
    }

    @Override
    public ImageFile openFile(String reference, boolean readOnly) {
        return new ChannelImageFile(folder.resolve(reference), readOnly);
    }

    @Override
    public BlockBackend openBacking(String reference, @Nullable String formatName) {
        ImageFile file = openFile(reference, true);
        return "qcow2".equals(formatName) ? Qcow2Image.open(file, this, zstd) : new RawImage(file, reference);
    }

    /** Opens a qcow2 image of the folder. */
    public Qcow2Image open(String name, boolean readOnly) {
        return Qcow2Image.open(openFile(name, readOnly), this, zstd);
    }
}
