// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Constants of the format (docs/interop/qcow2.txt, "Header" and "Cluster mapping") and the limits that QEMU sets. */
final class Qcow2Format {
    /** "QFI\xfb". */
    static final int MAGIC = 0x514649FB;

    /** All numbers of the format. */
    static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    // Where the header's fields are, in bytes.
    static final int SIZE = 24;
    static final int L1_SIZE = 36;
    static final int L1_TABLE_OFFSET = 40;
    static final int REFCOUNT_TABLE_OFFSET = 48;
    static final int REFCOUNT_TABLE_CLUSTERS = 56;
    static final int NB_SNAPSHOTS = 60;
    static final int SNAPSHOTS_OFFSET = 64;
    static final int INCOMPATIBLE_FEATURES = 72;
    static final int AUTOCLEAR_FEATURES = 88;
    static final int COMPRESSION_TYPE = 104;

    static final int HEADER_BYTES_V2 = 72;
    static final int HEADER_BYTES_V3 = 104;
    /** With the compression type and its padding. */
    static final int HEADER_BYTES_V3_COMPRESSION = 112;

    static final long INCOMPAT_DIRTY = 1;
    static final long INCOMPAT_CORRUPT = 1 << 1;
    static final long INCOMPAT_DATA_FILE = 1 << 2;
    static final long INCOMPAT_COMPRESSION = 1 << 3;
    static final long INCOMPAT_EXTENDED_L2 = 1 << 4;
    static final long COMPAT_LAZY_REFCOUNTS = 1;
    static final long AUTOCLEAR_BITMAPS = 1;
    static final long AUTOCLEAR_DATA_FILE_RAW = 1 << 1;

    static final int EXTENSION_END = 0;
    static final int EXTENSION_BACKING_FORMAT = 0xE2792ACA;
    static final int EXTENSION_FEATURE_NAMES = 0x6803F857;
    static final int EXTENSION_BITMAPS = 0x23852875;
    static final int EXTENSION_CRYPTO = 0x0537BE77;
    static final int EXTENSION_DATA_FILE = 0x44415441;

    /** Of an entry in the feature name table. */
    static final int FEATURE_NAME_ENTRY_BYTES = 48;

    static final int COMPRESSION_ZLIB = 0;
    static final int COMPRESSION_ZSTD = 1;

    static final int MIN_CLUSTER_BITS = 9;
    static final int MAX_CLUSTER_BITS = 21;
    static final int MAX_REFCOUNT_ORDER = 6;
    static final long MAX_L1_BYTES = 32 << 20;
    static final long MAX_REFCOUNT_TABLE_BYTES = 8 << 20;
    static final int MAX_SNAPSHOTS = 65536;
    static final long MAX_SNAPSHOT_TABLE_BYTES = 1L << 26;
    static final int MAX_SNAPSHOT_EXTRA_BYTES = 1024;
    static final int MAX_BACKING_NAME_BYTES = 1023;
    static final int MAX_BITMAPS = 65535;
    static final long MAX_BITMAP_DIRECTORY_BYTES = 64 << 20;
    static final int SNAPSHOT_HEADER_BYTES = 40;
    static final int ENTRY_BYTES = 8;

    /** L1 and L2 entries: the refcount is exactly 1, so that it may be written in place. */
    static final long COPIED = 1L << 63;

    static final long COMPRESSED = 1L << 62;
    static final long ZERO = 1;
    static final long OFFSET_MASK = 0x00FFFFFFFFFFFE00L;
    static final long L1_RESERVED_MASK = 0x7F000000000001FFL;
    static final long L2_RESERVED_MASK = 0x3F000000000001FEL;
    static final long REFCOUNT_TABLE_OFFSET_MASK = 0xFFFFFFFFFFFFFE00L;

    /** Host offsets of clusters are below this: L2 entries have no room for more. */
    static final long MAX_HOST_BYTES = 1L << 56;

    /** The unit that capacities, and the sizes of compressed clusters, are counted in. */
    static final int SECTOR_BYTES = 512;

    private Qcow2Format() {}
}
