// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockStatus;
import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.ImageIoException;

/**
 * The first cluster of an image: the header, its extensions and the name of the backing file (docs/interop/qcow2.txt,
 * "Header" and "Header extensions").
 *
 * <p>Plain state, checked when it was read. Whoever changes a field writes it to the file.
 */
final class Qcow2Header {
    private static final String CONVERT = "Convert the image with 'qemu-img convert' and use the result.";
    private static final int MAX_FORMAT_NAME_BYTES = 15;

    /** What QEMU calls the bits, so that tools that do not know one can name it: type, bit, name. */
    private static final Object[][] FEATURE_NAMES = {
        {0, 0, "dirty bit"},
        {0, 1, "corrupt bit"},
        {0, 2, "external data file"},
        {0, 3, "compression type"},
        {0, 4, "extended L2 entries"},
        {1, 0, "lazy refcounts"},
        {2, 0, "bitmaps"},
        {2, 1, "raw external data"}
    };

    int version = 3;
    int clusterBits;
    long sizeBytes;
    int cryptMethod;
    int l1Entries;
    long l1Offset;
    long refcountTableOffset;
    int refcountTableClusters;
    int snapshotCount;
    long snapshotsOffset;
    long incompatibleFeatures;
    long compatibleFeatures;
    long autoclearFeatures;
    int refcountOrder = 4;
    int compressionType;
    byte[] unknownFields = {};
    @Nullable String backingName;
    @Nullable String backingFormat;
    @Nullable String dataFileName;
    byte @Nullable [] bitmaps;
    final List<HeaderExtension> unknownExtensions = new ArrayList<>();

    Qcow2Header() {}

    /**
     * Reads and checks a header.
     *
     * @param checking whether the image is to be checked: the tables that a check repairs are not looked at
     * @throws ImageException where it is none, damaged, or of a kind that is not supported
     */
    static Qcow2Header read(ImageFile file, boolean checking) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment start = arena.allocate(Qcow2Format.HEADER_BYTES_V3_COMPRESSION);
            readAt(file, 0, start);
            Qcow2Header header = new Qcow2Header();
            int headerBytes = header.parseFixed(file.name(), start);
            MemorySegment cluster = arena.allocate(1L << header.clusterBits);
            readAt(file, 0, cluster);
            header.parseRest(file.name(), start, cluster, headerBytes);
            header.checkTables(file.name(), checking);
            return header;
        }
    }

    private static void readAt(ImageFile file, long offset, MemorySegment target) {
        BlockStatus status = file.read(offset, target);
        if (status != BlockStatus.OK && status != BlockStatus.OUT_OF_RANGE) {
            throw ImageIoException.of(status, "read the header of " + file.name());
        }
    }

    /** Takes the fields up to the header's length, which is the answer. */
    private int parseFixed(String name, MemorySegment start) {
        if (start.get(Qcow2Format.U32, 0) != Qcow2Format.MAGIC) {
            throw damaged(name, "is not in qcow2 format");
        }
        version = start.get(Qcow2Format.U32, 4);
        if (version != 2 && version != 3) {
            throw new ImageException(
                    name + " is qcow2 version " + Integer.toUnsignedString(version) + ", which is not supported.", CONVERT);
        }
        clusterBits = start.get(Qcow2Format.U32, 20);
        if (clusterBits < Qcow2Format.MIN_CLUSTER_BITS || clusterBits > Qcow2Format.MAX_CLUSTER_BITS) {
            throw damaged(name, "has clusters of 2^" + Integer.toUnsignedString(clusterBits) + " bytes");
        }
        sizeBytes = start.get(Qcow2Format.U64, Qcow2Format.SIZE);
        cryptMethod = start.get(Qcow2Format.U32, 32);
        l1Entries = start.get(Qcow2Format.U32, Qcow2Format.L1_SIZE);
        l1Offset = start.get(Qcow2Format.U64, Qcow2Format.L1_TABLE_OFFSET);
        refcountTableOffset = start.get(Qcow2Format.U64, Qcow2Format.REFCOUNT_TABLE_OFFSET);
        refcountTableClusters = start.get(Qcow2Format.U32, Qcow2Format.REFCOUNT_TABLE_CLUSTERS);
        snapshotCount = start.get(Qcow2Format.U32, Qcow2Format.NB_SNAPSHOTS);
        snapshotsOffset = start.get(Qcow2Format.U64, Qcow2Format.SNAPSHOTS_OFFSET);
        if (version == 2) {
            return Qcow2Format.HEADER_BYTES_V2;
        }
        incompatibleFeatures = start.get(Qcow2Format.U64, Qcow2Format.INCOMPATIBLE_FEATURES);
        compatibleFeatures = start.get(Qcow2Format.U64, 80);
        autoclearFeatures = start.get(Qcow2Format.U64, Qcow2Format.AUTOCLEAR_FEATURES);
        refcountOrder = start.get(Qcow2Format.U32, 96);
        int headerBytes = start.get(Qcow2Format.U32, 100);
        if (headerBytes < Qcow2Format.HEADER_BYTES_V3 || headerBytes > 1 << clusterBits) {
            throw damaged(name, "has a header of " + Integer.toUnsignedString(headerBytes) + " bytes");
        }
        if (headerBytes > Qcow2Format.COMPRESSION_TYPE) {
            compressionType = Byte.toUnsignedInt(start.get(ValueLayout.JAVA_BYTE, Qcow2Format.COMPRESSION_TYPE));
        }
        return headerBytes;
    }

    private void parseRest(String name, MemorySegment start, MemorySegment cluster, int headerBytes) {
        if (headerBytes > Qcow2Format.HEADER_BYTES_V3_COMPRESSION) {
            unknownFields = bytes(
                    cluster,
                    Qcow2Format.HEADER_BYTES_V3_COMPRESSION,
                    headerBytes - Qcow2Format.HEADER_BYTES_V3_COMPRESSION);
        }
        long backingOffset = start.get(Qcow2Format.U64, 8);
        int backingBytes = start.get(Qcow2Format.U32, 16);
        if (backingOffset < 0 || backingOffset > cluster.byteSize()) {
            throw damaged(name, "has the name of its backing file outside of its first cluster");
        }
        int extensionsEnd = backingOffset == 0 ? (int) cluster.byteSize() : (int) backingOffset;
        byte[] featureNames = parseExtensions(name, cluster, headerBytes, extensionsEnd);
        checkFeatures(name, featureNames);
        if (backingOffset != 0) {
            if (backingBytes < 0
                    || backingBytes > Math.min(Qcow2Format.MAX_BACKING_NAME_BYTES, cluster.byteSize() - backingOffset)) {
                throw damaged(name, "has a name of its backing file that is too long");
            }
            backingName = new String(bytes(cluster, (int) backingOffset, backingBytes), StandardCharsets.UTF_8);
        }
    }

    /** Takes the extensions; answers the feature name table. */
    private byte[] parseExtensions(String name, MemorySegment cluster, int start, int end) {
        byte[] featureNames = {};
        boolean known = (incompatibleFeatures & ~knownIncompatible()) == 0;
        int offset = start;
        while (offset < end) {
            if (end - offset < 8) {
                // An image of a version yet unknown may end its header in ways that we need not understand.
                if (known) {
                    throw damaged(name, "has a header extension that is too large");
                }
                break;
            }
            int type = cluster.get(Qcow2Format.U32, offset);
            int lengthBytes = cluster.get(Qcow2Format.U32, offset + 4);
            offset += 8;
            if (lengthBytes < 0 || lengthBytes > end - offset) {
                if (known) {
                    throw damaged(name, "has a header extension that is too large");
                }
                break;
            }
            if (type == Qcow2Format.EXTENSION_END) {
                break;
            }
            byte[] data = bytes(cluster, offset, lengthBytes);
            if (type == Qcow2Format.EXTENSION_FEATURE_NAMES) {
                featureNames = data;
            } else {
                takeExtension(name, type, data);
            }
            offset += (lengthBytes + 7) & ~7;
        }
        return featureNames;
    }

    private void takeExtension(String name, int type, byte[] data) {
        switch (type) {
            case Qcow2Format.EXTENSION_BACKING_FORMAT -> {
                if (data.length > MAX_FORMAT_NAME_BYTES) {
                    throw damaged(name, "has a name of its backing format that is too long");
                }
                backingFormat = new String(data, StandardCharsets.UTF_8);
            }
            case Qcow2Format.EXTENSION_DATA_FILE -> dataFileName = new String(data, StandardCharsets.UTF_8);
            case Qcow2Format.EXTENSION_BITMAPS -> {
                if ((autoclearFeatures & Qcow2Format.AUTOCLEAR_BITMAPS) != 0) {
                    checkBitmaps(name, data);
                }
                bitmaps = data;
            }
            case Qcow2Format.EXTENSION_CRYPTO -> {
                if (cryptMethod != 2) {
                    throw damaged(name, "has an encryption header but is not encrypted");
                }
            }
            default -> unknownExtensions.add(new HeaderExtension(type, data));
        }
    }

    private void checkBitmaps(String name, byte[] data) {
        MemorySegment extension = MemorySegment.ofArray(data);
        if (data.length != 24
                || extension.get(Qcow2Format.U32, 4) != 0
                || Integer.compareUnsigned(extension.get(Qcow2Format.U32, 0) - 1, Qcow2Format.MAX_BITMAPS) >= 0
                || Long.compareUnsigned(extension.get(Qcow2Format.U64, 8), Qcow2Format.MAX_BITMAP_DIRECTORY_BYTES) > 0
                || Long.compareUnsigned(extension.get(Qcow2Format.U64, 16), Qcow2Format.MAX_HOST_BYTES) >= 0
                || (extension.get(Qcow2Format.U64, 16) & ((1L << clusterBits) - 1)) != 0) {
            throw damaged(name, "has a damaged list of bitmaps");
        }
    }

    private static long knownIncompatible() {
        return Qcow2Format.INCOMPAT_DIRTY
                | Qcow2Format.INCOMPAT_CORRUPT
                | Qcow2Format.INCOMPAT_DATA_FILE
                | Qcow2Format.INCOMPAT_COMPRESSION;
    }

    private void checkFeatures(String name, byte[] featureNames) {
        long unknown = incompatibleFeatures & ~knownIncompatible();
        if (unknown != 0) {
            throw new ImageException(
                    name + " uses what is not supported: " + names(unknown, featureNames) + ".", CONVERT);
        }
        boolean declared = (incompatibleFeatures & Qcow2Format.INCOMPAT_COMPRESSION) != 0;
        if (declared != (compressionType != Qcow2Format.COMPRESSION_ZLIB)
                || compressionType > Qcow2Format.COMPRESSION_ZSTD) {
            throw damaged(name, "has an unknown type of compression");
        }
        if (refcountOrder < 0 || refcountOrder > Qcow2Format.MAX_REFCOUNT_ORDER) {
            throw damaged(name, "has refcounts of more than 64 bits");
        }
        if (cryptMethod != 0) {
            throw new ImageException(name + " is encrypted, which is not supported.", CONVERT);
        }
        if (dataFileRaw() && !externalData()) {
            throw damaged(name, "is marked as having raw external data but has no external data file");
        }
    }

    private static String names(long unknown, byte[] featureNames) {
        StringBuilder names = new StringBuilder();
        for (int bit = 0; bit < Long.SIZE; bit++) {
            if ((unknown >>> bit & 1) != 0) {
                names.append(names.isEmpty() ? "" : ", ").append(featureName(bit, featureNames));
            }
        }
        return names.toString();
    }

    private static String featureName(int bit, byte[] featureNames) {
        if (bit == Long.numberOfTrailingZeros(Qcow2Format.INCOMPAT_EXTENDED_L2)) {
            return "extended L2 entries";
        }
        for (int i = 0; i + Qcow2Format.FEATURE_NAME_ENTRY_BYTES <= featureNames.length; ) {
            if (featureNames[i] == 0 && featureNames[i + 1] == bit) {
                String text = new String(featureNames, i + 2, Qcow2Format.FEATURE_NAME_ENTRY_BYTES - 2, StandardCharsets.UTF_8);
                int end = text.indexOf('\0');
                return end < 0 ? text : text.substring(0, end);
            }
            i += Qcow2Format.FEATURE_NAME_ENTRY_BYTES;
        }
        return "incompatible feature " + bit;
    }

    private void checkTables(String name, boolean checking) {
        long clusterBytes = 1L << clusterBits;
        if (refcountTableClusters == 0 && !checking) {
            throw damaged(name, "has no refcount table");
        }
        checkTable(name, "refcount table", refcountTableOffset, refcountTableClusters, clusterBytes,
                Qcow2Format.MAX_REFCOUNT_TABLE_BYTES);
        if (!checking) {
            checkTable(name, "snapshot table", snapshotsOffset, snapshotCount, Qcow2Format.SNAPSHOT_HEADER_BYTES,
                    (long) Qcow2Format.SNAPSHOT_HEADER_BYTES * Qcow2Format.MAX_SNAPSHOTS);
        }
        checkTable(name, "L1 table", l1Offset, l1Entries, Qcow2Format.ENTRY_BYTES, Qcow2Format.MAX_L1_BYTES);
        if (sizeBytes < 0 || new ClusterLayout(clusterBits, refcountOrder).l1Entries(sizeBytes) > l1Entries) {
            throw damaged(name, "has an L1 table that is too small for its disk");
        }
    }

    private void checkTable(String name, String table, long offset, int entries, long entryBytes, long maxBytes) {
        long lengthBytes = Integer.toUnsignedLong(entries) * entryBytes;
        if (lengthBytes > maxBytes) {
            throw damaged(name, "has a " + table + " that is too large");
        }
        if (offset < 0 || offset > Long.MAX_VALUE - lengthBytes || (offset & ((1L << clusterBits) - 1)) != 0) {
            throw damaged(name, "has its " + table + " at a place where none can be");
        }
    }

    private static ImageException damaged(String name, String what) {
        return new ImageException(name + " " + what + ".", "Check that it is the right file, or restore it from a copy.");
    }

    private static byte[] bytes(MemorySegment segment, int offset, int lengthBytes) {
        return segment.asSlice(offset, lengthBytes).toArray(ValueLayout.JAVA_BYTE);
    }

    boolean dirty() {
        return (incompatibleFeatures & Qcow2Format.INCOMPAT_DIRTY) != 0;
    }

    boolean corrupt() {
        return (incompatibleFeatures & Qcow2Format.INCOMPAT_CORRUPT) != 0;
    }

    boolean externalData() {
        return (incompatibleFeatures & Qcow2Format.INCOMPAT_DATA_FILE) != 0;
    }

    boolean dataFileRaw() {
        return (autoclearFeatures & Qcow2Format.AUTOCLEAR_DATA_FILE_RAW) != 0;
    }

    boolean lazyRefcounts() {
        return (compatibleFeatures & Qcow2Format.COMPAT_LAZY_REFCOUNTS) != 0;
    }

    /** Returns the size of the disk, in whole sectors as QEMU counts them. */
    long capacityBytes() {
        return sizeBytes & -Qcow2Format.SECTOR_BYTES;
    }

    ClusterLayout layout() {
        return new ClusterLayout(clusterBits, refcountOrder);
    }

    /**
     * Returns the first cluster.
     *
     * @throws ImageException where the name of the backing file does not fit
     */
    byte[] encode(String imageName) {
        int clusterBytes = 1 << clusterBits;
        byte[] cluster = new byte[clusterBytes];
        MemorySegment out = MemorySegment.ofArray(cluster);
        int end = encodeFixed(imageName, out);
        List<HeaderExtension> extensions = new ArrayList<>();
        addText(extensions, Qcow2Format.EXTENSION_BACKING_FORMAT, backingFormat);
        addText(extensions, Qcow2Format.EXTENSION_DATA_FILE, dataFileName);
        if (version >= 3) {
            extensions.add(new HeaderExtension(Qcow2Format.EXTENSION_FEATURE_NAMES, encodeFeatureNames()));
        }
        byte[] bitmapList = bitmaps;
        if (bitmapList != null) {
            extensions.add(new HeaderExtension(Qcow2Format.EXTENSION_BITMAPS, bitmapList));
        }
        extensions.addAll(unknownExtensions);
        byte[] backing = backingName == null ? new byte[0] : backingName.getBytes(StandardCharsets.UTF_8);
        for (HeaderExtension extension : extensions) {
            int lengthBytes = extension.data().length;
            // The list needs an end, too.
            if (end + 16 + lengthBytes + 7 + backing.length > clusterBytes) {
                if (extension.type() == Qcow2Format.EXTENSION_FEATURE_NAMES) {
                    // Only a help for readers: left out where the clusters are tiny.
                    continue;
                }
                throw tooSmall(imageName);
            }
            out.set(Qcow2Format.U32, end, extension.type());
            out.set(Qcow2Format.U32, end + 4L, lengthBytes);
            System.arraycopy(extension.data(), 0, cluster, end + 8, lengthBytes);
            end += 8 + ((lengthBytes + 7) & ~7);
        }
        end += 8;
        if (backing.length > Qcow2Format.MAX_BACKING_NAME_BYTES || end + backing.length > clusterBytes) {
            throw tooSmall(imageName);
        }
        if (backingName != null) {
            out.set(Qcow2Format.U64, 8, end);
            out.set(Qcow2Format.U32, 16, backing.length);
            System.arraycopy(backing, 0, cluster, end, backing.length);
        }
        return cluster;
    }

    private static ImageException tooSmall(String imageName) {
        return new ImageException(
                "The header of " + imageName + " has no room for the name of its backing file.",
                "Use a shorter name or larger clusters.");
    }

    private int encodeFixed(String imageName, MemorySegment out) {
        out.set(Qcow2Format.U32, 0, Qcow2Format.MAGIC);
        out.set(Qcow2Format.U32, 4, version);
        out.set(Qcow2Format.U32, 20, clusterBits);
        out.set(Qcow2Format.U64, Qcow2Format.SIZE, sizeBytes);
        out.set(Qcow2Format.U32, 32, cryptMethod);
        out.set(Qcow2Format.U32, Qcow2Format.L1_SIZE, l1Entries);
        out.set(Qcow2Format.U64, Qcow2Format.L1_TABLE_OFFSET, l1Offset);
        out.set(Qcow2Format.U64, Qcow2Format.REFCOUNT_TABLE_OFFSET, refcountTableOffset);
        out.set(Qcow2Format.U32, Qcow2Format.REFCOUNT_TABLE_CLUSTERS, refcountTableClusters);
        out.set(Qcow2Format.U32, Qcow2Format.NB_SNAPSHOTS, snapshotCount);
        out.set(Qcow2Format.U64, Qcow2Format.SNAPSHOTS_OFFSET, snapshotsOffset);
        if (version == 2) {
            return Qcow2Format.HEADER_BYTES_V2;
        }
        int headerBytes = Qcow2Format.HEADER_BYTES_V3_COMPRESSION + unknownFields.length;
        if (headerBytes + 8 > out.byteSize()) {
            throw tooSmall(imageName);
        }
        out.set(Qcow2Format.U64, Qcow2Format.INCOMPATIBLE_FEATURES, incompatibleFeatures);
        out.set(Qcow2Format.U64, 80, compatibleFeatures);
        out.set(Qcow2Format.U64, Qcow2Format.AUTOCLEAR_FEATURES, autoclearFeatures);
        out.set(Qcow2Format.U32, 96, refcountOrder);
        out.set(Qcow2Format.U32, 100, headerBytes);
        out.set(ValueLayout.JAVA_BYTE, Qcow2Format.COMPRESSION_TYPE, (byte) compressionType);
        MemorySegment.copy(
                MemorySegment.ofArray(unknownFields),
                0,
                out,
                Qcow2Format.HEADER_BYTES_V3_COMPRESSION,
                unknownFields.length);
        return headerBytes;
    }

    private static void addText(List<HeaderExtension> extensions, int type, @Nullable String text) {
        if (text != null) {
            extensions.add(new HeaderExtension(type, text.getBytes(StandardCharsets.UTF_8)));
        }
    }

    private static byte[] encodeFeatureNames() {
        byte[] table = new byte[FEATURE_NAMES.length * Qcow2Format.FEATURE_NAME_ENTRY_BYTES];
        for (int i = 0; i < FEATURE_NAMES.length; i++) {
            int start = i * Qcow2Format.FEATURE_NAME_ENTRY_BYTES;
            table[start] = ((Integer) FEATURE_NAMES[i][0]).byteValue();
            table[start + 1] = ((Integer) FEATURE_NAMES[i][1]).byteValue();
            byte[] text = ((String) FEATURE_NAMES[i][2]).getBytes(StandardCharsets.US_ASCII);
            System.arraycopy(text, 0, table, start + 2, text.length);
        }
        return table;
    }
}
