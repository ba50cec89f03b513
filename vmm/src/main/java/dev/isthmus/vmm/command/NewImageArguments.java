// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.Locale;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.image.ImageChain;
import dev.isthmus.block.image.NewImage;
import dev.isthmus.block.qcow2.Qcow2CreateOptions;
import dev.isthmus.block.qcow2.Qcow2CreateOptions.Preallocation;
import dev.isthmus.machine.VmException;
import dev.isthmus.vmm.ByteSize;

/** Makes an image of what the user asked for: {@code --options}, {@code --backing}. Main thread. */
final class NewImageArguments implements AutoCloseable {
    private static final String OPTION = "--options";

    private final ImageWork work;
    private final String name;
    private final ImageFormat format;
    private final @Nullable String backing;
    private @Nullable String backingFormat;
    private @Nullable BlockBackend base;

    /** @param backing the base as the user gave it, or null */
    NewImageArguments(ImageWork work, String name, ImageFormat format, @Nullable String backing) {
        this.work = work;
        this.name = name;
        this.format = format;
        this.backing = backing;
        ImageFormat given = work.format(ImageOptions.BACKING_FORMAT);
        this.backingFormat = given == null ? null : given.formatName();
        if (backing != null && format == ImageFormat.RAW) {
            throw work.usage("a raw image can't be based on another one", "Choose the format qcow2.");
        }
        if (backing == null && given != null) {
            throw work.usage("a format is given for a base, but no base", "Name it, or leave the format out.");
        }
    }

    /**
     * Looks at the base: finds out its format where it was not given. It stays open, and so is locked, until the new image is
     * there.
     *
     * @return its size in bytes, or -1 where there is none
     */
    long examineBase() {
        if (backing == null) {
            return -1;
        }
        BlockBackend opened = openBase(work, name, backing, backingFormat);
        base = opened;
        backingFormat = ImageChain.formatOf(opened).formatName();
        return opened.capacityBytes();
    }

    @Override
    public void close() {
        BlockBackend opened = base;
        if (opened != null) {
            opened.close();
        }
    }

    /**
     * Opens a base for reading.
     *
     * @throws VmException.Configuration where its format was not given and can't be told
     */
    static BlockBackend openBase(ImageWork work, String imageName, String reference, @Nullable String formatName) {
        ImageFormat format = formatName == null ? null : ImageFormat.ofName(formatName);
        String baseName = work.folder().resolve(imageName, reference);
        BlockBackend base = work.open(baseName, format, true, ImageChain.Bases.READ);
        if (format == null && ImageChain.formatOf(base) == ImageFormat.RAW) {
            base.close();
            throw work.usage(
                    "the format of " + baseName + " can't be told by its contents",
                    "Say -F raw if that is what it is: a guest that may write to a raw disk can make it look like anything.");
        }
        return base;
    }

    /** Makes the image. */
    NewImage make(long lengthBytes) {
        String text = String.join(",", work.values(ImageOptions.OPTIONS));
        if (format == ImageFormat.RAW) {
            KeyValues options = parse(text, "preallocation");
            Preallocation preallocation = preallocation(options);
            return NewImage.raw(work.folder(), name, lengthBytes, preallocation, work.progress());
        }
        KeyValues options = parse(
                text, "cluster_size", "compat", "lazy_refcounts", "refcount_bits", "compression_type", "data_file",
                "data_file_raw", "preallocation");
        Qcow2CreateOptions qcow2 = qcow2(options, lengthBytes);
        String dataFile = options.get("data_file");
        return NewImage.qcow2(work.folder(), name, qcow2, dataFile, work.progress());
    }

    private static KeyValues parse(String text, String... known) {
        // An empty text would be a part without a value.
        return KeyValues.parse(OPTION, text.isEmpty() ? "preallocation=off" : text, known);
    }

    private Qcow2CreateOptions qcow2(KeyValues options, long lengthBytes) {
        Qcow2CreateOptions qcow2 = new Qcow2CreateOptions(lengthBytes)
                .lazyRefcounts(options.getSwitch("lazy_refcounts", false))
                .refcountBits(options.getNumber("refcount_bits", 16))
                .zstd(zstd(options.get("compression_type")))
                .version(version(options.get("compat")))
                .preallocation(preallocation(options));
        String clusterSize = options.get("cluster_size");
        if (clusterSize != null) {
            qcow2.clusterBytes((int) Math.min(ByteSize.parseBytes(clusterSize), Integer.MAX_VALUE));
        }
        String dataFile = options.get("data_file");
        boolean dataFileRaw = options.getSwitch("data_file_raw", false);
        if (dataFile != null) {
            qcow2.dataFile(dataFile, dataFileRaw);
        } else if (dataFileRaw) {
            throw work.usage("data_file_raw=on needs data_file=...", "Name the file, or leave it out.");
        }
        if (backing != null) {
            qcow2.backing(backing, backingFormat);
        }
        return qcow2;
    }

    private int version(@Nullable String compat) {
        if (compat == null || compat.equals("1.1") || compat.equals("v3")) {
            return 3;
        }
        if (compat.equals("0.10") || compat.equals("v2")) {
            return 2;
        }
        throw work.usage(OPTION + ": unknown compat=" + compat, "Known: 0.10, 1.1.");
    }

    private boolean zstd(@Nullable String compression) {
        if (compression == null || compression.equals("zlib")) {
            return false;
        }
        if (compression.equals("zstd")) {
            return true;
        }
        throw work.usage(OPTION + ": unknown compression_type=" + compression, "Known: zlib, zstd.");
    }

    private Preallocation preallocation(KeyValues options) {
        String text = options.get("preallocation");
        if (text == null) {
            return Preallocation.OFF;
        }
        for (Preallocation preallocation : Preallocation.values()) {
            if (preallocation.name().toLowerCase(Locale.ROOT).equals(text)) {
                return preallocation;
            }
        }
        throw work.usage(OPTION + ": unknown preallocation=" + text, "Known: off, metadata, falloc, full.");
    }
}
