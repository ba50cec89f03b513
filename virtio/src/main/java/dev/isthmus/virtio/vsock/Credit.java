// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.vsock;

/**
 * Buffer space management of one connection, both ways (virtio 1.2, section 5.10.6.3). Counters run freely modulo 2^32,
 * so only their differences mean anything.
 *
 * <pre>
 *  to the guest:    txCnt                      bytes that were sent
 *                   peerFwdCnt, peerBufAlloc   what the guest last told
 *  from the guest:  fwdCnt, bufAlloc           what the guest is told
 * </pre>
 *
 * <p>Loop thread only.
 */
final class Credit {
    private final int bufAlloc;
    private int fwdCnt;
    private int toldFwdCnt;
    private int txCnt;
    private int peerFwdCnt;
    private int peerBufAlloc;

    /** Begins with a promise of so much room, which stays. */
    Credit(int bufAlloc) {
        this.bufAlloc = bufAlloc;
    }

    /** Takes note of what the guest tells; any values. */
    void peerTells(long newBufAlloc, long newFwdCnt) {
        peerBufAlloc = (int) newBufAlloc;
        peerFwdCnt = (int) newFwdCnt;
    }

    /**
     * Returns how many bytes the guest has room for, 0 to 2^32 - 1. A guest that claims to have received what was never
     * sent, or takes back room, has none.
     */
    long peerFree() {
        long inFlight = Integer.toUnsignedLong(txCnt - peerFwdCnt);
        long allocated = Integer.toUnsignedLong(peerBufAlloc);
        return Math.max(0, allocated - inFlight);
    }

    /** So much was sent to the guest, at most {@link #peerFree}. */
    void sent(int bytes) {
        txCnt += bytes;
    }

    /** So much of the guest's data does not take up room any more. */
    void forwarded(int bytes) {
        fwdCnt += bytes;
    }

    /**
     * Tells whether the guest should be told of room without being asked: half of all has become free since it was last
     * told. A guest that waits has used all that it knows of, and so is told before long.
     */
    boolean updateDue() {
        return Integer.toUnsignedLong(fwdCnt - toldFwdCnt) >= bufAlloc / 2;
    }

    /** Puts what the guest is told into a packet for it. */
    void tell(PacketHeader header) {
        header.setCredit(bufAlloc, fwdCnt);
        toldFwdCnt = fwdCnt;
    }

    /** Returns how much the guest was promised. */
    int bufAlloc() {
        return bufAlloc;
    }
}
