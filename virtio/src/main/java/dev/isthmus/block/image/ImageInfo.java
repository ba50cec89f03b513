// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.ClusterCodec;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.qcow2.Qcow2Image;
import dev.isthmus.block.qcow2.Qcow2Info;
import dev.isthmus.block.qcow2.Qcow2Snapshot;
import dev.isthmus.block.qcow2.Qcow2Snapshots;
import dev.isthmus.block.vdi.VdiImage;
import dev.isthmus.block.vhdx.VhdxImage;
import dev.isthmus.block.vmdk.VmdkImage;

/**
 * What there is to know about an image.
 *
 * @param name the file, as it was opened
 * @param format its format
 * @param capacityBytes size of the disk
 * @param allocatedBytes what its files take on the host
 * @param clusterBytes size of its clusters, blocks or grains, or 0 where it has none or several
 * @param qcow2 what the header of a qcow2 image says, or null
 * @param snapshots internal snapshots
 * @param baseName where the image that it is based on is, or null
 * @param vmdkType what kind of VMDK image it is, or null
 */
public record ImageInfo(
        String name,
        ImageFormat format,
        long capacityBytes,
        long allocatedBytes,
        long clusterBytes,
        @Nullable Qcow2Info qcow2,
        List<Qcow2Snapshot> snapshots,
        @Nullable String baseName,
        @Nullable String vmdkType) {
    /** Makes the snapshots unchangeable. */
    public ImageInfo {
        snapshots = List.copyOf(snapshots);
    }

    /**
     * Reads an image; what it is based on is left alone.
     *
     * @param format its format, or null to find that out
     * @throws ImageException where it can't be opened
     */
    public static ImageInfo read(
            ImageFolder folder, String name, @Nullable ImageFormat format, @Nullable ClusterCodec zstd) {
        SizingFolder files = new SizingFolder(folder);
        try (BlockBackend disk = ImageChain.open(files, name, format, true, zstd, ImageChain.Bases.LEAVE)) {
            Qcow2Info qcow2 = null;
            List<Qcow2Snapshot> snapshots = List.of();
            String baseName = null;
            long clusterBytes = 0;
            if (disk instanceof Qcow2Image image) {
                qcow2 = image.info();
                snapshots = new Qcow2Snapshots(image).list();
                clusterBytes = qcow2.clusterBytes();
                String reference = qcow2.backingName();
                baseName = reference == null ? null : resolveIfPossible(folder, name, reference);
            } else if (disk instanceof VdiImage image) {
                clusterBytes = image.blockBytes();
            } else if (disk instanceof VhdxImage image) {
                clusterBytes = image.blockBytes();
            }
            return new ImageInfo(
                    name,
                    ImageChain.formatOf(disk),
                    disk.capacityBytes(),
                    files.allocatedBytes,
                    clusterBytes,
                    qcow2,
                    snapshots,
                    baseName,
                    disk instanceof VmdkImage image ? image.createType() : null);
        }
    }

    /** A name that means nothing here is shown as it is. */
    private static String resolveIfPossible(ImageFolder folder, String name, String reference) {
        try {
            return folder.resolve(name, reference);
        } catch (ImageException e) {
            return reference;
        }
    }

    /**
     * Reads an image and all that it is based on.
     *
     * @throws ImageException where one of them can't be opened, or is among those above it
     */
    public static List<ImageInfo> readChain(
            ImageFolder folder, String name, @Nullable ImageFormat format, @Nullable ClusterCodec zstd) {
        List<ImageInfo> chain = new ArrayList<>();
        List<String> identities = new ArrayList<>();
        String next = name;
        ImageFormat nextFormat = format;
        while (next != null) {
            String identity = folder.identity(next);
            if (identities.contains(identity) || identities.size() == ImageChain.MAX_IMAGES) {
                throw new ImageException(
                        next + " is based on itself, or on too many images.",
                        "Change what it is based on with 'isthmus image rebase -u'.");
            }
            identities.add(identity);
            ImageInfo info = read(folder, next, nextFormat, zstd);
            chain.add(info);
            Qcow2Info qcow2 = info.qcow2();
            String reference = qcow2 == null ? null : qcow2.backingName();
            String formatName = qcow2 == null ? null : qcow2.backingFormat();
            next = reference == null ? null : folder.resolve(next, reference);
            nextFormat = formatName == null ? null : ImageFormat.ofName(formatName);
        }
        return chain;
    }

    /** Adds up what the files take that are opened through it. */
    private static final class SizingFolder implements ImageFolder {
        private final ImageFolder folder;
        private long allocatedBytes;

        SizingFolder(ImageFolder folder) {
            this.folder = folder;
        }

        @Override
        public ImageFile open(String name, boolean readOnly) {
            ImageFile file = folder.open(name, readOnly);
            allocatedBytes += file.allocatedBytes();
            return file;
        }

        @Override
        public String resolve(String imageName, String reference) {
            return folder.resolve(imageName, reference);
        }

        @Override
        public String identity(String name) {
            return folder.identity(name);
        }
    }
}
