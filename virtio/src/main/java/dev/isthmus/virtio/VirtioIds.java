// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio;

/** Virtio device types (virtio 1.2, chapter 5). */
public final class VirtioIds {
    private VirtioIds() {}

    /** No device: a placeholder that drivers ignore without an error (4.2.2). */
    public static final int VIRTIO_ID_INVALID = 0;
    /** Network card (5.1). */
    public static final int VIRTIO_ID_NET = 1;
    /** Block device (5.2). */
    public static final int VIRTIO_ID_BLOCK = 2;
    /** Console (5.3). */
    public static final int VIRTIO_ID_CONSOLE = 3;
    /** Entropy source (5.4). */
    public static final int VIRTIO_ID_RNG = 4;
    /** Traditional memory balloon (5.5). */
    public static final int VIRTIO_ID_BALLOON = 5;
    /** Socket device (5.10). */
    public static final int VIRTIO_ID_VSOCK = 19;
    /** File system device (5.11). */
    public static final int VIRTIO_ID_FS = 26;
    /** Persistent memory (5.19). */
    public static final int VIRTIO_ID_PMEM = 27;

    /** Our vendor number where a transport asks for one: "ISTH" in ASCII, first letter lowest. */
    public static final int VENDOR_ID = 0x4854_5349;
}
