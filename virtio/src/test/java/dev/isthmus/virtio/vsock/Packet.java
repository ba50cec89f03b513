// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** A packet as a driver sees it: written and read by hand, by the offsets of virtio 1.2, section 5.10.6. */
record Packet(
        long srcCid,
        long dstCid,
        long srcPort,
        long dstPort,
        long len,
        int type,
        int op,
        int flags,
        long bufAlloc,
        long fwdCnt,
        byte[] data) {
    static final int HEADER_BYTES = 44;

    static Packet read(byte[] bytes) {
        ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        return new Packet(
                b.getLong(0),
                b.getLong(8),
                Integer.toUnsignedLong(b.getInt(16)),
                Integer.toUnsignedLong(b.getInt(20)),
                Integer.toUnsignedLong(b.getInt(24)),
                Short.toUnsignedInt(b.getShort(28)),
                Short.toUnsignedInt(b.getShort(30)),
                b.getInt(32),
                Integer.toUnsignedLong(b.getInt(36)),
                Integer.toUnsignedLong(b.getInt(40)),
                Arrays.copyOfRange(bytes, HEADER_BYTES, bytes.length));
    }

    byte[] bytes() {
        return ByteBuffer.allocate(HEADER_BYTES + data.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(srcCid)
                .putLong(dstCid)
                .putInt((int) srcPort)
                .putInt((int) dstPort)
                .putInt((int) len)
                .putShort((short) type)
                .putShort((short) op)
                .putInt(flags)
                .putInt((int) bufAlloc)
                .putInt((int) fwdCnt)
                .put(data)
                .array();
    }

    Packet withSrcCid(long cid) {
        return new Packet(cid, dstCid, srcPort, dstPort, len, type, op, flags, bufAlloc, fwdCnt, data);
    }

    Packet withDstCid(long cid) {
        return new Packet(srcCid, cid, srcPort, dstPort, len, type, op, flags, bufAlloc, fwdCnt, data);
    }

    Packet withType(int newType) {
        return new Packet(srcCid, dstCid, srcPort, dstPort, len, newType, op, flags, bufAlloc, fwdCnt, data);
    }

    Packet withLen(long newLen) {
        return new Packet(srcCid, dstCid, srcPort, dstPort, newLen, type, op, flags, bufAlloc, fwdCnt, data);
    }

    Packet withFlags(int newFlags) {
        return new Packet(srcCid, dstCid, srcPort, dstPort, len, type, op, newFlags, bufAlloc, fwdCnt, data);
    }

    Packet withCredit(long newBufAlloc, long newFwdCnt) {
        return new Packet(
                srcCid, dstCid, srcPort, dstPort, len, type, op, flags, newBufAlloc, newFwdCnt, data);
    }
}
