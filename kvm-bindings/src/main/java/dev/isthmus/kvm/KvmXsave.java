// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.SegmentAllocator;

import dev.isthmus.kvm.generated.Linux;

/**
 * {@code struct kvm_xsave}: the extended state as XSAVE lays it out (Intel SDM volume 1, section 13.4), not
 * compacted. CPUID leaf 0xD says where each part lies.
 */
public final class KvmXsave extends KvmStruct {
    /**
     * An area for one VM's vCPUs.
     *
     * @param lengthBytes its size: {@link VmFd#xsaveBytes()}
     */
    public KvmXsave(SegmentAllocator allocator, int lengthBytes) {
        super(allocator, Math.max(lengthBytes, Linux.SIZEOF_kvm_xsave()));
    }

    /** Overwrites this area with another of the same size. */
    public void copyFrom(KvmXsave other) {
        copyBytesFrom(other);
    }
}
