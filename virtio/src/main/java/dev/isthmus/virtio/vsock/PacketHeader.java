// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

import dev.isthmus.memory.ScatterView;
import dev.isthmus.memory.Scatters;

/**
 * A copy of a packet's header, struct virtio_vsock_hdr (virtio 1.2, section 5.10.6): read once, or to be written.
 *
 * <pre>
 *  +0   le64  src_cid        +28  le16  type
 *  +8   le64  dst_cid        +30  le16  op
 *  +16  le32  src_port       +32  le32  flags
 *  +20  le32  dst_port       +36  le32  buf_alloc
 *  +24  le32  len            +40  le32  fwd_cnt
 * </pre>
 *
 * <p>Owned by one thread; allocates nothing.
 */
final class PacketHeader {
    static final int SRC_CID = 0;
    static final int DST_CID = 8;
    static final int SRC_PORT = 16;
    static final int DST_PORT = 20;
    static final int LEN = 24;
    static final int TYPE = 28;
    static final int OP = 30;
    static final int FLAGS = 32;
    static final int BUF_ALLOC = 36;
    static final int FWD_CNT = 40;

    /** sizeof(struct virtio_vsock_hdr). */
    static final int BYTES = 44;

    private final byte[] bytes = new byte[BYTES];
    private final ByteBuffer fields = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    private final MemorySegment segment = MemorySegment.ofArray(bytes);

    /** Reads the first {@link #BYTES} bytes of a packet, which has as many. */
    void read(ScatterView packet) {
        int done = 0;
        for (int i = 0; done < BYTES; i++) {
            int count = (int) Math.min(packet.lengthBytes(i), BYTES - done);
            MemorySegment.copy(
                    packet.segment(i), ValueLayout.JAVA_BYTE, packet.offset(i), bytes, done, count);
            done += count;
        }
    }

    /** Writes it to the first {@link #BYTES} bytes of a buffer, which has as many. */
    void write(ScatterView buffer) {
        Scatters.copy(segment, 0, buffer, 0, BYTES);
    }

    long srcCid() {
        return fields.getLong(SRC_CID);
    }

    long dstCid() {
        return fields.getLong(DST_CID);
    }

    long srcPort() {
        return u32(SRC_PORT);
    }

    long dstPort() {
        return u32(DST_PORT);
    }

    long len() {
        return u32(LEN);
    }

    int type() {
        return Short.toUnsignedInt(fields.getShort(TYPE));
    }

    int op() {
        return Short.toUnsignedInt(fields.getShort(OP));
    }

    int flags() {
        return fields.getInt(FLAGS);
    }

    long bufAlloc() {
        return u32(BUF_ALLOC);
    }

    long fwdCnt() {
        return u32(FWD_CNT);
    }

    private long u32(int offset) {
        return Integer.toUnsignedLong(fields.getInt(offset));
    }

    /** Sets where the packet goes and comes from; all else is zero, but for the type. */
    void begin(long srcCid, long srcPort, long dstCid, long dstPort, int op) {
        fields.putLong(SRC_CID, srcCid);
        fields.putLong(DST_CID, dstCid);
        fields.putInt(SRC_PORT, (int) srcPort);
        fields.putInt(DST_PORT, (int) dstPort);
        fields.putInt(LEN, 0);
        fields.putShort(TYPE, (short) VirtioVsockProtocol.VIRTIO_VSOCK_TYPE_STREAM);
        fields.putShort(OP, (short) op);
        fields.putInt(FLAGS, 0);
        setCredit(0, 0);
    }

    void setLen(int lengthBytes) {
        fields.putInt(LEN, lengthBytes);
    }

    void setType(int type) {
        fields.putShort(TYPE, (short) type);
    }

    void setFlags(int flags) {
        fields.putInt(FLAGS, flags);
    }

    void setCredit(int bufAlloc, int fwdCnt) {
        fields.putInt(BUF_ALLOC, bufAlloc);
        fields.putInt(FWD_CNT, fwdCnt);
    }
}
