// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.SegmentAllocator;

import dev.isthmus.kvm.generated.Linux;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.HostFile;

/**
 * KVM's system descriptor: what the host can do, and the way to VMs.
 *
 * <p>Any thread. Section numbers refer to the kernel's {@code Documentation/virt/kvm/api.rst}.
 */
public final class Kvm implements AutoCloseable {
    /** Where Linux offers KVM. */
    public static final String DEFAULT_PATH = "/dev/kvm";

    /** The version of the API that has been the only one since Linux 2.6.22. */
    public static final int KVM_API_VERSION = 12;

    private final Fd fd;

    private Kvm(Fd fd) {
        this.fd = fd;
    }

    /**
     * Opens KVM.
     *
     * @param path {@link #DEFAULT_PATH}, or another name of it
     * @throws ErrnoException ENOENT if the host has no KVM, EACCES if the user may not use it
     * @throws IllegalStateException if it is another version of the API
     */
    public static Kvm open(String path) {
        Kvm kvm = new Kvm(HostFile.openFd(path, HostFile.O_RDWR, 0));
        try {
            int version = kvm.apiVersion();
            if (version != KVM_API_VERSION) {
                throw new IllegalStateException(
                        path + " has version " + version + " of the KVM API, not " + KVM_API_VERSION);
            }
        } catch (RuntimeException e) {
            kvm.close();
            throw e;
        }
        return kvm;
    }

    /** KVM_GET_API_VERSION (4.1). */
    public int apiVersion() {
        return Ioctl.number(fd, "KVM_GET_API_VERSION", Linux.KVM_GET_API_VERSION(), 0);
    }

    /**
     * KVM_CHECK_EXTENSION (4.4).
     *
     * @param capability one of {@link KvmCap}'s
     * @return 0 if the host does not have it; see {@link KvmCap} for other values
     */
    public int checkExtension(int capability) {
        return Ioctl.number(fd, "KVM_CHECK_EXTENSION", Linux.KVM_CHECK_EXTENSION(), capability);
    }

    /** KVM_GET_VCPU_MMAP_SIZE (4.5): how many bytes a vCPU shares with user space. */
    public int vcpuMmapSizeBytes() {
        return Ioctl.number(fd, "KVM_GET_VCPU_MMAP_SIZE", Linux.KVM_GET_VCPU_MMAP_SIZE(), 0);
    }

    /**
     * KVM_GET_SUPPORTED_CPUID (4.46): what CPUID can answer on this host.
     *
     * @param table gets the entries
     * @throws ErrnoException E2BIG if it has too little room
     */
    public void supportedCpuid(CpuidTable table) {
        table.nent(table.capacity());
        Ioctl.struct(fd, "KVM_GET_SUPPORTED_CPUID", Linux.KVM_GET_SUPPORTED_CPUID(), table);
    }

    /** KVM_GET_MSR_INDEX_LIST (4.3): the MSRs that make up a guest's state. */
    public MsrIndexList msrIndexList(SegmentAllocator allocator) {
        return indexList("KVM_GET_MSR_INDEX_LIST", Linux.KVM_GET_MSR_INDEX_LIST(), allocator);
    }

    /** KVM_GET_MSR_FEATURE_INDEX_LIST (4.3): the MSRs that say what the host can do, for {@link #msrs}. */
    public MsrIndexList msrFeatureIndexList(SegmentAllocator allocator) {
        return indexList(
                "KVM_GET_MSR_FEATURE_INDEX_LIST", Linux.KVM_GET_MSR_FEATURE_INDEX_LIST(), allocator);
    }

    private MsrIndexList indexList(String name, long request, SegmentAllocator allocator) {
        int capacity = 256;
        while (true) {
            MsrIndexList list = new MsrIndexList(allocator, capacity);
            list.offerCapacity();
            long result = Ioctl.call(fd, request, list.address());
            if (result >= 0) {
                return list;
            }
            if (result != -Errno.E2BIG || list.nmsrs() <= capacity) {
                throw ErrnoException.of(name, "room for " + capacity, result);
            }
            capacity = list.nmsrs();
        }
    }

    /**
     * KVM_GET_MSRS (4.18) on the system: values of feature MSRs.
     *
     * @param list names them and gets the values
     * @return how many were read; one less than the position of the first that could not be, plus one
     */
    public int msrs(MsrList list) {
        return Ioctl.struct(fd, "KVM_GET_MSRS", Linux.KVM_GET_MSRS(), list);
    }

    /** KVM_CREATE_VM (4.2): a VM without memory, vCPUs and devices. */
    public VmFd createVm() {
        int vcpuMmapSizeBytes = vcpuMmapSizeBytes();
        Fd vm = Fd.owning(Ioctl.number(fd, "KVM_CREATE_VM", Linux.KVM_CREATE_VM(), 0));
        return new VmFd(vm, vcpuMmapSizeBytes);
    }

    /** Closes the descriptor; does nothing the second time. Its VMs stay. */
    @Override
    public void close() {
        fd.close();
    }
}
