// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vmdk;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockGeometry;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.mapped.FileBytes;
import dev.isthmus.block.mapped.ImageErrors;
import dev.isthmus.block.mapped.Location;
import dev.isthmus.block.mapped.MappedImage;
import dev.isthmus.block.mapped.TableCache;
import dev.isthmus.device.FaultLog;
import dev.isthmus.memory.ScatterView;

/**
 * A disk image of VMware for reading: sparse or stream-optimized in one file, or a descriptor with its flat or sparse
 * extents in files beside it. Images on others (snapshots) and the sparse extents of ESX are refused. Source: VMware,
 * Virtual Disk Format 5.0.
 *
 * <p>Role DISK_WORKER, several at once.
 */
public final class VmdkImage extends MappedImage {
    private final String createType;

    /** Stays open, with its locks, though all has been read of it; null where it is an extent. */
    private final @Nullable ImageFile descriptorFile;

    private final Extent[] extents;

    /** Where each extent ends in the disk, in bytes. */
    private final long[] ends;

    private final TableCache tables;
    private final @Nullable PackedGrains grains;

    private VmdkImage(String createType, @Nullable ImageFile descriptorFile, ExtentSet set, FaultLog faults) {
        super(faults, set.diskBytes(), BlockGeometry.DEFAULT);
        this.createType = createType;
        this.descriptorFile = descriptorFile;
        this.extents = set.extents();
        this.ends = set.ends();
        this.tables = set.tables();
        this.grains = set.packedGrainBytes() == 0 ? null : new PackedGrains(set.packedGrainBytes(), faults);
    }

    /**
     * Opens an image.
     *
     * @param file the descriptor, or the only extent; is closed with the disk, and stays the caller's where this fails
     * @param siblings opens the files that a descriptor names, which are closed with the disk
     * @param name what log messages call the disk
     * @throws ImageException if it is damaged, of another format, or a kind of image that can't be read alone
     */
    public static VmdkImage open(ImageFile file, ExtentFiles siblings, String name) {
        FaultLog faults = new FaultLog(name);
        long magic = magic(file);
        if (magic == SparseHeader.SPARSE_MAGICNUMBER || magic == SparseHeader.COWDISK_MAGIC) {
            return openMonolithic(file, faults);
        }
        if (!probed(file)) {
            throw ImageErrors.otherFormat(SparseHeader.FORMAT, file);
        }
        return openDescriptor(file, siblings, faults);
    }

    private static boolean probed(ImageFile file) {
        try (Arena arena = Arena.ofConfined()) {
            byte[] start = FileBytes.read(file, 0, ImageFormat.PROBE_BYTES, arena).copy(0, ImageFormat.PROBE_BYTES);
            return ImageFormat.probe(MemorySegment.ofArray(start)) == ImageFormat.VMDK;
        }
    }

    private static long magic(ImageFile file) {
        try (Arena arena = Arena.ofConfined()) {
            return FileBytes.read(file, 0, Integer.BYTES, arena).u32(0);
        }
    }

    private static VmdkImage openMonolithic(ImageFile file, FaultLog faults) {
        SparseHeader header = SparseHeader.read(file);
        String createType = "";
        if (header.descriptorBytes() > 0) {
            Descriptor descriptor =
                    Descriptor.read(file, header.descriptorOffsetBytes(), header.descriptorBytes());
            createType = descriptor.createType();
            // The one extent is this file, whatever it is called there: it may have been renamed.
            if (descriptor.extents().size() > 1) {
                throw ImageErrors.unsupported(
                        SparseHeader.FORMAT,
                        file,
                        "is one of several extents, and holds the descriptor of all",
                        "Make one image of it with the program that made it, or with qemu-img convert.");
            }
        }
        ExtentSet set = new ExtentSet(1, faults);
        set.addSparse(file, header, header.capacitySectors());
        return new VmdkImage(createType, null, set, faults);
    }

    private static VmdkImage openDescriptor(ImageFile file, ExtentFiles siblings, FaultLog faults) {
        if (file.sizeBytes() > Descriptor.MAX_BYTES) {
            throw ImageErrors.damaged(
                    SparseHeader.FORMAT, file, "its descriptor has " + file.sizeBytes() + " bytes");
        }
        Descriptor descriptor = Descriptor.read(file, 0, file.sizeBytes());
        List<ExtentLine> lines = descriptor.extents();
        if (lines.isEmpty()) {
            throw ImageErrors.damaged(SparseHeader.FORMAT, file, "its descriptor has no extents");
        }
        ExtentSet set = new ExtentSet(lines.size(), faults);
        try {
            for (ExtentLine line : lines) {
                set.open(file, line, siblings);
            }
            return new VmdkImage(descriptor.createType(), file, set, faults);
        } catch (RuntimeException e) {
            set.close();
            throw e;
        }
    }

    /** Returns what kind of image its descriptor says it is, such as "monolithicSparse", or an empty string. */
    public String createType() {
        return createType;
    }

    /** Returns the number of extents. */
    public int extentCount() {
        return extents.length;
    }

    @Override
    protected void locate(long offsetBytes, boolean mayWait, Location found) {
        int index = extentAt(offsetBytes);
        extents[index].locate(offsetBytes - start(index), mayWait, tables, found);
        found.limit(ends[index] - offsetBytes);
    }

    @Override
    protected BlockStatus readIndirect(long offsetBytes, Location found, ScatterView target) {
        if (grains == null) {
            throw new IllegalStateException("No extent is packed");
        }
        int index = extentAt(offsetBytes);
        return extents[index].readPacked(offsetBytes - start(index), found, grains, target);
    }

    private long start(int index) {
        return index == 0 ? 0 : ends[index - 1];
    }

    private int extentAt(long offsetBytes) {
        int low = 0;
        int high = ends.length - 1;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (ends[middle] > offsetBytes) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    @Override
    public void close() {
        tables.close();
        if (grains != null) {
            grains.close();
        }
        for (Extent extent : extents) {
            extent.close();
        }
        if (descriptorFile != null) {
            descriptorFile.close();
        }
    }
}
