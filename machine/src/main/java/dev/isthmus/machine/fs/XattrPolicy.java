// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.fs;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

import dev.isthmus.kvm.linux.FileCalls;

/**
 * Which extended attributes of the host's files are the guest's to use. Labels of the host's security modules and access
 * control lists never are: the host goes by them, and the guest knows nothing of that.
 */
final class XattrPolicy {
    private static final String[] OF_SQUASHED = {"user."};

    /** With a zero where nothing may follow. */
    private static final String[] OF_GUEST = {"user.", "trusted.", "security.capability\0"};

    private final byte[][] prefixes;

    XattrPolicy(FolderOwnership ownership) {
        String[] names = ownership instanceof FolderOwnership.Guest ? OF_GUEST : OF_SQUASHED;
        prefixes = new byte[names.length][];
        for (int i = 0; i < names.length; i++) {
            prefixes[i] = names[i].getBytes(StandardCharsets.US_ASCII);
        }
    }

    /** Tells whether the guest may use an attribute. */
    boolean allows(MemorySegment name) {
        return allows(name, 0);
    }

    private boolean allows(MemorySegment names, long offset) {
        for (byte[] prefix : prefixes) {
            if (startsWith(names, offset, prefix)) {
                return true;
            }
        }
        return false;
    }

    private static boolean startsWith(MemorySegment names, long offset, byte[] prefix) {
        if (names.byteSize() - offset < prefix.length) {
            return false;
        }
        for (int i = 0; i < prefix.length; i++) {
            if (names.get(ValueLayout.JAVA_BYTE, offset + i) != prefix[i]) {
                return false;
            }
        }
        return true;
    }

    /**
     * Lists the names of the attributes that the guest may use.
     *
     * @param target takes them, or is empty, where only the size is asked for
     */
    long list(int fd, MemorySegment target) {
        MemorySegment all = FolderWorker.current().names();
        long listed = FileCalls.listXattr(fd, all);
        return listed <= 0 ? listed : filter(all.asSlice(0, listed), target);
    }

    private long filter(MemorySegment all, MemorySegment target) {
        long done = 0;
        long start = 0;
        for (long i = 0; i < all.byteSize(); i++) {
            if (all.get(ValueLayout.JAVA_BYTE, i) != 0) {
                continue;
            }
            long nameBytes = i + 1 - start;
            if (allows(all, start)) {
                if (target.byteSize() > 0) {
                    if (done + nameBytes > target.byteSize()) {
                        return -ERANGE;
                    }
                    MemorySegment.copy(all, start, target, done, nameBytes);
                }
                done += nameBytes;
            }
            start = i + 1;
        }
        return done;
    }

    /** Numerical result out of range. */
    private static final int ERANGE = 34;
}
