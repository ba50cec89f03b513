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
import dev.isthmus.block.ImageOpener;
import dev.isthmus.block.RawImage;
import dev.isthmus.block.qcow2.Qcow2Image;
import dev.isthmus.block.qcow2.UnopenedBacking;
import dev.isthmus.block.vdi.VdiImage;
import dev.isthmus.block.vhdx.VhdxImage;
import dev.isthmus.block.vmdk.ExtentFiles;
import dev.isthmus.block.vmdk.VmdkImage;

/**
 * Opens an image with all that it names: the chain of images that it is based on, and the files that their data is in.
 *
 * <p>An image that is among those that led to it is refused, and so is a chain of more than {@value #MAX_IMAGES}.
 */
public final class ImageChain implements ImageOpener {
    /** Longer ones are made to exhaust the process. */
    static final int MAX_IMAGES = 200;

    private final ImageFolder folder;
    private final @Nullable ClusterCodec zstd;

    /** What is done with the image that another one is based on. */
    public enum Bases {
        /** It is read, and so are those below it. */
        READ,
        /** It is written, so that what is above can be moved into it; those below it are read. */
        WRITE,
        /** It is left alone: the disk can't be read, only changed as a whole. */
        LEAVE
    }

    private final Bases bases;

    /** The image that this opens for, last, and those that led to it. */
    private final List<String> names;

    private ImageChain(ImageFolder folder, @Nullable ClusterCodec zstd, Bases bases, List<String> names) {
        this.folder = folder;
        this.zstd = zstd;
        this.bases = bases;
        this.names = names;
    }

    /**
     * Opens an image.
     *
     * @param name the file, as {@link ImageFolder#resolve} would give it
     * @param format its format, or null to find that out. A guest that can write to what was taken for raw may not make
     *     it look like another format ({@link RawImage}).
     * @param zstd unpacks Zstandard clusters, or null where there is nothing that can
     * @throws ImageException where it, or what it names, can't be opened
     */
    public static BlockBackend open(
            ImageFolder folder,
            String name,
            @Nullable ImageFormat format,
            boolean readOnly,
            @Nullable ClusterCodec zstd) {
        return open(folder, name, format, readOnly, zstd, Bases.READ);
    }

    /** Opens an image, as the other method; what is done with its base is said, too. */
    public static BlockBackend open(
            ImageFolder folder,
            String name,
            @Nullable ImageFormat format,
            boolean readOnly,
            @Nullable ClusterCodec zstd,
            Bases bases) {
        return new ImageChain(folder, zstd, bases, List.of(name)).openLast(format, readOnly);
    }

    /** Returns the format of what {@link #open} answered. */
    public static ImageFormat formatOf(BlockBackend opened) {
        return switch (opened) {
            case Qcow2Image _ -> ImageFormat.QCOW2;
            case VmdkImage _ -> ImageFormat.VMDK;
            case VdiImage _ -> ImageFormat.VDI;
            case VhdxImage _ -> ImageFormat.VHDX;
            default -> ImageFormat.RAW;
        };
    }

    private BlockBackend openLast(@Nullable ImageFormat given, boolean readOnly) {
        ImageFile file = folder.open(names.getLast(), readOnly);
        BlockBackend opened = null;
        try {
            ImageFormat format = given == null ? ImageFormats.probe(file) : given;
            opened = switch (format) {
                case RAW -> new RawImage(file, names.getLast(), given == null);
                case QCOW2 -> Qcow2Image.open(file, this, zstd);
                case VMDK, VDI, VHDX -> openForeign(file, format);
            };
            return opened;
        } finally {
            if (opened == null) {
                file.close();
            }
        }
    }

    private BlockBackend openForeign(ImageFile file, ImageFormat format) {
        String name = names.getLast();
        if (!file.readOnly()) {
            throw new ImageException(
                    name + " is a " + format.formatName() + " image, which can only be read.",
                    "Open it read-only (readonly=on), or convert it with 'isthmus image convert -O qcow2'.");
        }
        return switch (format) {
            case VMDK -> VmdkImage.open(file, new Extents(this), name);
            case VDI -> VdiImage.open(file, name);
            case VHDX -> VhdxImage.open(file, name);
            case RAW, QCOW2 -> throw new IllegalArgumentException(format.formatName());
        };
    }

    /** The files that a VMDK descriptor names. */
    private record Extents(ImageChain chain) implements ExtentFiles {
        @Override
        public ImageFile open(String fileName) {
            return chain.openFile(fileName, true);
        }
    }

    @Override
    public ImageFile openFile(String reference, boolean readOnly) {
        return folder.open(resolveNew(reference), readOnly);
    }

    @Override
    public BlockBackend openBacking(String reference, @Nullable String formatName) {
        if (bases == Bases.LEAVE) {
            return new UnopenedBacking();
        }
        ImageFormat format = formatName == null ? null : ImageFormat.ofName(formatName);
        if (formatName != null && format == null) {
            throw new ImageException(
                    names.getLast() + " is based on an image of the unknown format '" + formatName + "'.",
                    "Name the right one with 'isthmus image rebase -u -F FORMAT'.");
        }
        List<String> longer = new ArrayList<>(names);
        longer.add(resolveNew(reference));
        if (longer.size() > MAX_IMAGES) {
            throw new ImageException(
                    names.getFirst() + " is based on more than " + MAX_IMAGES + " images.",
                    "Convert it to an image of its own.");
        }
        return new ImageChain(folder, zstd, Bases.READ, longer).openLast(format, bases == Bases.READ);
    }

    /** Finds a file that is none of the images that led here. */
    private String resolveNew(String reference) {
        String name = folder.resolve(names.getLast(), reference);
        if (contains(folder.identity(name))) {
            throw new ImageException(
                    names.getLast() + " names " + name + ", which is based on it.",
                    "Change what it is based on with 'isthmus image rebase -u'.");
        }
        return name;
    }

    private boolean contains(String identity) {
        for (String name : names) {
            if (folder.identity(name).equals(identity)) {
                return true;
            }
        }
        return false;
    }
}
