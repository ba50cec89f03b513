// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

/** On whose behalf the client asks: user and group as the client knows them. One thread at a time. */
public final class Caller {
    private int uid;
    private int gid;

    /** Is root at first. */
    public Caller() {}

    /** Makes it somebody else. */
    public void set(int newUid, int newGid) {
        uid = newUid;
        gid = newGid;
    }

    /** Returns the user, 32 bits, unsigned. */
    public int uid() {
        return uid;
    }

    /** Returns the group, 32 bits, unsigned. */
    public int gid() {
        return gid;
    }
}
