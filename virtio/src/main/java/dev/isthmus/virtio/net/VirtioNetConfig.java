// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

/**
 * The configuration space (virtio 1.2, section 5.1.4), read-only for drivers.
 *
 * <pre>
 *  +0   u8[6] mac
 *  +6   le16  status
 *  +8   le16  max_virtqueue_pairs
 *  +10  le16  mtu
 *  +12  le32  speed
 *  +16  u8    duplex
 * </pre>
 */
final class VirtioNetConfig {
    static final int MAC = 0;
    static final int STATUS = 6;
    static final int MAX_VIRTQUEUE_PAIRS = 8;
    static final int MTU = 10;
    static final int SPEED = 12;
    static final int DUPLEX = 16;
    static final int LENGTH_BYTES = 17;

    /** Full duplex, by the field's description and all drivers; the conformance clause has it the other way round. */
    static final int FULL_DUPLEX = 1;

    private VirtioNetConfig() {}

    static byte[] build(long mac, int status, int queuePairs, VirtioNetOptions options) {
        byte[] bytes = new byte[LENGTH_BYTES];
        MacAddress.write(mac, bytes, MAC);
        put(bytes, STATUS, status, 2);
        put(bytes, MAX_VIRTQUEUE_PAIRS, queuePairs, 2);
        put(bytes, MTU, options.mtuBytes(), 2);
        put(bytes, SPEED, options.speedMbps(), 4);
        bytes[DUPLEX] = FULL_DUPLEX;
        return bytes;
    }

    private static void put(byte[] bytes, int offset, int value, int sizeBytes) {
        for (int i = 0; i < sizeBytes; i++) {
            bytes[offset + i] = (byte) (value >>> (8 * i));
        }
    }
}
