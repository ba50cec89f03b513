// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.util.Arrays;

import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.EventFd;
import dev.isthmus.kvm.linux.Fd;

/**
 * A VM: its memory slots, its in-kernel interrupt controllers, timer and clock, and the ways interrupts and
 * notifications take without an exit.
 *
 * <p>Any thread. Guest addresses are physical. Section numbers refer to the kernel's
 * {@code Documentation/virt/kvm/api.rst}.
 */
public final class VmFd implements AutoCloseable {
    /** A memory slot's flag: log which pages the guest writes to. */
    public static final int KVM_MEM_LOG_DIRTY_PAGES = 1;

    /** A memory slot's flag: the guest's writes come as MMIO exits. */
    public static final int KVM_MEM_READONLY = 2;

    /** An access of any width, for ioeventfds. */
    public static final int ANY_LENGTH = 0;

    /** The smallest page of a guest. */
    private static final int PAGE_BYTES = 4096;

    private final Fd fd;
    private final int vcpuMmapSizeBytes;

    /**
     * The size of each slot, which decides how much the kernel writes to a dirty bitmap; guarded by the lock.
     */
    private long[] slotSizesBytes = new long[4];

    private final Object slotSizesLock = new Object();

    VmFd(Fd fd, int vcpuMmapSizeBytes) {
        this.fd = fd;
        this.vcpuMmapSizeBytes = vcpuMmapSizeBytes;
    }

    /** Its descriptor, which it keeps. */
    public Fd fd() {
        return fd;
    }

    /** {@link Kvm#checkExtension} for this VM, whose answers may differ from the system's. */
    public int checkExtension(int capability) {
        return Ioctl.number(fd, "KVM_CHECK_EXTENSION", Linux.KVM_CHECK_EXTENSION(), capability);
    }

    /** The size of {@link KvmXsave} for this VM's vCPUs: at least 4 KiB, more with large states. */
    public int xsaveBytes() {
        return Math.max(Linux.SIZEOF_kvm_xsave(), checkExtension(KvmCap.KVM_CAP_XSAVE2));
    }

    /**
     * KVM_SET_USER_MEMORY_REGION (4.35): gives the guest memory of this process, changes it, or takes it
     * away.
     *
     * @param slot the slot's number, from 0
     * @param flags a set of {@code KVM_MEM_…} bits
     * @param guestPhysAddrGpa where the guest sees it, a multiple of the page size
     * @param memorySizeBytes how much, a multiple of the page size; 0 takes the slot away
     * @param userspaceAddrHva where it is, a multiple of the page size; it must stay mapped as long as the
     *     slot exists
     */
    public void setUserMemoryRegion(
            int slot, int flags, long guestPhysAddrGpa, long memorySizeBytes, long userspaceAddrHva) {
        ThreadMemory memory = ThreadMemory.current();
        ByteBuffer region = memory.scratch();
        region.putInt(Linux.OFFSETOF_kvm_userspace_memory_region_slot(), slot);
        region.putInt(Linux.OFFSETOF_kvm_userspace_memory_region_flags(), flags);
        region.putLong(Linux.OFFSETOF_kvm_userspace_memory_region_guest_phys_addr(), guestPhysAddrGpa);
        region.putLong(Linux.OFFSETOF_kvm_userspace_memory_region_memory_size(), memorySizeBytes);
        region.putLong(Linux.OFFSETOF_kvm_userspace_memory_region_userspace_addr(), userspaceAddrHva);
        long result = Ioctl.call(fd, Linux.KVM_SET_USER_MEMORY_REGION(), memory.scratchAddress());
        if (result < 0) {
            throw ErrnoException.of(
                    "KVM_SET_USER_MEMORY_REGION",
                    "slot " + slot + ", flags " + flags + ", guest_phys_addr 0x"
                            + Long.toHexString(guestPhysAddrGpa) + ", memory_size 0x"
                            + Long.toHexString(memorySizeBytes),
                    result);
        }
        synchronized (slotSizesLock) {
            if (slot >= slotSizesBytes.length) {
                slotSizesBytes = Arrays.copyOf(slotSizesBytes, slot + 1);
            }
            slotSizesBytes[slot] = memorySizeBytes;
        }
    }

    private long slotSizeBytes(int slot) {
        synchronized (slotSizesLock) {
            return slot >= 0 && slot < slotSizesBytes.length ? slotSizesBytes[slot] : 0;
        }
    }

    /** How many bytes {@link #getDirtyLog} needs for a slot: a bit a page, in whole 64-bit words. */
    public static long dirtyLogBytes(long memorySizeBytes) {
        long pages = (memorySizeBytes + PAGE_BYTES - 1) / PAGE_BYTES;
        return (pages + Long.SIZE - 1) / Long.SIZE * Long.BYTES;
    }

    /**
     * KVM_GET_DIRTY_LOG (4.8): which pages of a slot were written to since the last call.
     *
     * @param slot a slot with {@link #KVM_MEM_LOG_DIRTY_PAGES}
     * @param bitmap native memory of {@link #dirtyLogBytes}; page 0 is bit 0 of byte 0
     */
    public void getDirtyLog(int slot, MemorySegment bitmap) {
        if (!bitmap.isNative() || bitmap.isReadOnly() || !bitmap.scope().isAlive()) {
            throw new IllegalArgumentException("the bitmap is not writable native memory");
        }
        long neededBytes = dirtyLogBytes(slotSizeBytes(slot));
        if (bitmap.byteSize() < neededBytes) {
            throw new IllegalArgumentException(
                    "the bitmap has " + bitmap.byteSize() + " bytes, slot " + slot + " needs " + neededBytes);
        }
        ThreadMemory memory = ThreadMemory.current();
        ByteBuffer log = memory.clearScratch(Linux.SIZEOF_kvm_dirty_log());
        log.putInt(Linux.OFFSETOF_kvm_dirty_log_slot(), slot);
        log.putLong(Linux.OFFSETOF_kvm_dirty_log_dirty_bitmap(), bitmap.address());
        try {
            long result = Ioctl.call(fd, Linux.KVM_GET_DIRTY_LOG(), memory.scratchAddress());
            if (result < 0) {
                throw ErrnoException.of("KVM_GET_DIRTY_LOG", "slot " + slot, result);
            }
        } finally {
            // Memory of an automatic arena must not be freed while the kernel uses it by its address.
            Reference.reachabilityFence(bitmap);
        }
    }

    /**
     * KVM_SET_TSS_ADDR (4.36): where three pages are that Intel hosts need, below 4 GiB and not in a slot.
     */
    public void setTssAddr(long addressGpa) {
        Ioctl.number(fd, "KVM_SET_TSS_ADDR", Linux.KVM_SET_TSS_ADDR(), addressGpa);
    }

    /**
     * KVM_SET_IDENTITY_MAP_ADDR (4.37): where one page is that Intel hosts need, below 4 GiB and not in a
     * slot. Before the first vCPU.
     */
    public void setIdentityMapAddr(long addressGpa) {
        ThreadMemory memory = ThreadMemory.current();
        memory.scratch().putLong(0, addressGpa);
        long result = Ioctl.call(fd, Linux.KVM_SET_IDENTITY_MAP_ADDR(), memory.scratchAddress());
        if (result < 0) {
            throw ErrnoException.of(
                    "KVM_SET_IDENTITY_MAP_ADDR", "0x" + Long.toHexString(addressGpa), result);
        }
    }

    /** KVM_CREATE_IRQCHIP (4.24): PICs and IOAPIC, and a local APIC for each vCPU created later. */
    public void createIrqchip() {
        Ioctl.number(fd, "KVM_CREATE_IRQCHIP", Linux.KVM_CREATE_IRQCHIP(), 0);
    }

    /** KVM_GET_IRQCHIP (4.26): the state of the chip that {@link KvmIrqchip#chipId()} names. */
    public void getIrqchip(KvmIrqchip chip) {
        Ioctl.struct(fd, "KVM_GET_IRQCHIP", Linux.KVM_GET_IRQCHIP(), chip);
    }

    /** KVM_SET_IRQCHIP (4.27). */
    public void setIrqchip(KvmIrqchip chip) {
        Ioctl.struct(fd, "KVM_SET_IRQCHIP", Linux.KVM_SET_IRQCHIP(), chip);
    }

    /**
     * KVM_CREATE_PIT2 (4.71): the interval timer, after the irqchip.
     *
     * @param speakerPort whether port 0x61 is handled in the kernel, too, as far as a guest needs to
     *     calibrate its clock
     */
    public void createPit2(boolean speakerPort) {
        ThreadMemory memory = ThreadMemory.current();
        ByteBuffer config = memory.clearScratch(Linux.SIZEOF_kvm_pit_config());
        config.putInt(
                Linux.OFFSETOF_kvm_pit_config_flags(), speakerPort ? Linux.KVM_PIT_SPEAKER_DUMMY() : 0);
        long result = Ioctl.call(fd, Linux.KVM_CREATE_PIT2(), memory.scratchAddress());
        if (result < 0) {
            throw ErrnoException.of("KVM_CREATE_PIT2", "", result);
        }
    }

    /** KVM_GET_PIT2 (4.72). */
    public void getPit2(KvmPitState state) {
        Ioctl.struct(fd, "KVM_GET_PIT2", Linux.KVM_GET_PIT2(), state);
    }

    /** KVM_SET_PIT2 (4.73). */
    public void setPit2(KvmPitState state) {
        Ioctl.struct(fd, "KVM_SET_PIT2", Linux.KVM_SET_PIT2(), state);
    }

    /**
     * KVM_IRQFD (4.75): an eventfd whose signal is an interrupt. Edge-triggered: it raises and lowers the
     * line.
     *
     * @param gsi the interrupt, as routed by {@link #setGsiRouting}
     */
    public void irqfd(EventFd trigger, int gsi) {
        irqfd(trigger.fd(), gsi, 0, 0);
    }

    /**
     * KVM_IRQFD (4.75) for a level-triggered interrupt: {@code trigger} raises the line; at the guest's end
     * of interrupt KVM lowers it and signals {@code resample}, and who still wants attention triggers again.
     */
    public void irqfdResample(EventFd trigger, EventFd resample, int gsi) {
        irqfd(trigger.fd(), gsi, Linux.KVM_IRQFD_FLAG_RESAMPLE(), resample.fd().number());
    }

    /** Undoes {@link #irqfd} or {@link #irqfdResample}; when it returns, no more interrupts come. */
    public void irqfdDeassign(EventFd trigger, int gsi) {
        irqfd(trigger.fd(), gsi, Linux.KVM_IRQFD_FLAG_DEASSIGN(), 0);
    }

    private void irqfd(Fd trigger, int gsi, int flags, int resampleFd) {
        ThreadMemory memory = ThreadMemory.current();
        ByteBuffer irqfd = memory.clearScratch(Linux.SIZEOF_kvm_irqfd());
        irqfd.putInt(Linux.OFFSETOF_kvm_irqfd_fd(), trigger.number());
        irqfd.putInt(Linux.OFFSETOF_kvm_irqfd_gsi(), gsi);
        irqfd.putInt(Linux.OFFSETOF_kvm_irqfd_flags(), flags);
        irqfd.putInt(Linux.OFFSETOF_kvm_irqfd_resamplefd(), resampleFd);
        long result = Ioctl.call(fd, Linux.KVM_IRQFD(), memory.scratchAddress());
        if (result < 0) {
            throw ErrnoException.of(
                    "KVM_IRQFD", trigger + ", gsi " + gsi + ", flags " + flags, result);
        }
    }

    /**
     * KVM_IOEVENTFD (4.59): an eventfd that is signalled by any write to a port, instead of an exit.
     *
     * @param lengthBytes 1, 2 or 4, or {@link #ANY_LENGTH}
     */
    public void ioeventfdPio(EventFd notified, int port, int lengthBytes) {
        ioeventfd(notified, Linux.KVM_IOEVENTFD_FLAG_PIO(), port, lengthBytes, 0);
    }

    /** {@link #ioeventfdPio(EventFd, int, int)} for writes of one value alone. */
    public void ioeventfdPio(EventFd notified, int port, int lengthBytes, long datamatch) {
        int flags = Linux.KVM_IOEVENTFD_FLAG_PIO() | Linux.KVM_IOEVENTFD_FLAG_DATAMATCH();
        ioeventfd(notified, flags, port, lengthBytes, datamatch);
    }

    /**
     * KVM_IOEVENTFD (4.59): an eventfd that is signalled by any write to a guest address, instead of an exit.
     *
     * @param lengthBytes 1, 2, 4 or 8, or {@link #ANY_LENGTH}
     */
    public void ioeventfdMmio(EventFd notified, long addressGpa, int lengthBytes) {
        ioeventfd(notified, 0, addressGpa, lengthBytes, 0);
    }

    /** {@link #ioeventfdMmio(EventFd, long, int)} for writes of one value alone. */
    public void ioeventfdMmio(
            EventFd notified, long addressGpa, int lengthBytes, long datamatch) {
        int flags = Linux.KVM_IOEVENTFD_FLAG_DATAMATCH();
        ioeventfd(notified, flags, addressGpa, lengthBytes, datamatch);
    }

    /** Undoes {@link #ioeventfdPio(EventFd, int, int)}. */
    public void ioeventfdPioDeassign(EventFd notified, int port, int lengthBytes) {
        int flags = Linux.KVM_IOEVENTFD_FLAG_PIO() | Linux.KVM_IOEVENTFD_FLAG_DEASSIGN();
        ioeventfd(notified, flags, port, lengthBytes, 0);
    }

    /** Undoes {@link #ioeventfdPio(EventFd, int, int, long)}. */
    public void ioeventfdPioDeassign(
            EventFd notified, int port, int lengthBytes, long datamatch) {
        int flags =
                Linux.KVM_IOEVENTFD_FLAG_PIO()
                        | Linux.KVM_IOEVENTFD_FLAG_DATAMATCH()
                        | Linux.KVM_IOEVENTFD_FLAG_DEASSIGN();
        ioeventfd(notified, flags, port, lengthBytes, datamatch);
    }

    /** Undoes {@link #ioeventfdMmio(EventFd, long, int)}. */
    public void ioeventfdMmioDeassign(EventFd notified, long addressGpa, int lengthBytes) {
        ioeventfd(notified, Linux.KVM_IOEVENTFD_FLAG_DEASSIGN(), addressGpa, lengthBytes, 0);
    }

    /** Undoes {@link #ioeventfdMmio(EventFd, long, int, long)}. */
    public void ioeventfdMmioDeassign(
            EventFd notified, long addressGpa, int lengthBytes, long datamatch) {
        int flags = Linux.KVM_IOEVENTFD_FLAG_DATAMATCH() | Linux.KVM_IOEVENTFD_FLAG_DEASSIGN();
        ioeventfd(notified, flags, addressGpa, lengthBytes, datamatch);
    }

    private void ioeventfd(
            EventFd notified, int flags, long address, int lengthBytes, long datamatch) {
        ThreadMemory memory = ThreadMemory.current();
        ByteBuffer ioeventfd = memory.clearScratch(Linux.SIZEOF_kvm_ioeventfd());
        ioeventfd.putLong(Linux.OFFSETOF_kvm_ioeventfd_datamatch(), datamatch);
        ioeventfd.putLong(Linux.OFFSETOF_kvm_ioeventfd_addr(), address);
        ioeventfd.putInt(Linux.OFFSETOF_kvm_ioeventfd_len(), lengthBytes);
        ioeventfd.putInt(Linux.OFFSETOF_kvm_ioeventfd_fd(), notified.fd().number());
        ioeventfd.putInt(Linux.OFFSETOF_kvm_ioeventfd_flags(), flags);
        long result = Ioctl.call(fd, Linux.KVM_IOEVENTFD(), memory.scratchAddress());
        if (result < 0) {
            throw ErrnoException.of(
                    "KVM_IOEVENTFD",
                    notified.fd() + ", addr 0x" + Long.toHexString(address) + ", len " + lengthBytes
                            + ", flags " + flags,
                    result);
        }
    }

    /**
     * KVM_SET_GSI_ROUTING (4.52): replaces the whole table. The irqchip starts with one route for each of its
     * pins.
     */
    public void setGsiRouting(KvmIrqRouting routing) {
        Ioctl.struct(fd, "KVM_SET_GSI_ROUTING", Linux.KVM_SET_GSI_ROUTING(), routing);
    }

    /**
     * KVM_SIGNAL_MSI (4.70): sends a message to a local APIC.
     *
     * @return whether the guest got it; false if its APIC has the vector masked or does not take it
     */
    public boolean signalMsi(long messageAddress, int messageData) {
        ThreadMemory memory = ThreadMemory.current();
        ByteBuffer msi = memory.clearScratch(Linux.SIZEOF_kvm_msi());
        msi.putInt(Linux.OFFSETOF_kvm_msi_address_lo(), (int) messageAddress);
        msi.putInt(Linux.OFFSETOF_kvm_msi_address_hi(), (int) (messageAddress >>> 32));
        msi.putInt(Linux.OFFSETOF_kvm_msi_data(), messageData);
        long result = Ioctl.call(fd, Linux.KVM_SIGNAL_MSI(), memory.scratchAddress());
        if (result < 0) {
            throw ErrnoException.of(
                    "KVM_SIGNAL_MSI",
                    "address 0x" + Long.toHexString(messageAddress) + ", data 0x"
                            + Integer.toHexString(messageData),
                    result);
        }
        return result > 0;
    }

    /** KVM_IRQ_LINE (4.25): raises or lowers an interrupt line of the irqchip. */
    public void irqLine(int gsi, boolean level) {
        ThreadMemory memory = ThreadMemory.current();
        ByteBuffer line = memory.scratch();
        line.putInt(Linux.OFFSETOF_kvm_irq_level_irq(), gsi);
        line.putInt(Linux.OFFSETOF_kvm_irq_level_level(), level ? 1 : 0);
        long result = Ioctl.call(fd, Linux.KVM_IRQ_LINE(), memory.scratchAddress());
        if (result < 0) {
            throw ErrnoException.of("KVM_IRQ_LINE", "gsi " + gsi + ", level " + level, result);
        }
    }

    /** KVM_GET_CLOCK (4.29). */
    public void getClock(KvmClock clock) {
        Ioctl.struct(fd, "KVM_GET_CLOCK", Linux.KVM_GET_CLOCK(), clock);
    }

    /** KVM_SET_CLOCK (4.30). Of the flags only {@link KvmClock#KVM_CLOCK_REALTIME} may be set. */
    public void setClock(KvmClock clock) {
        Ioctl.struct(fd, "KVM_SET_CLOCK", Linux.KVM_SET_CLOCK(), clock);
    }

    /**
     * KVM_ENABLE_CAP (4.37): switches on a capability that is off by default.
     *
     * @param capability one of {@link KvmCap}'s
     * @param argument its first argument, the others being zero
     */
    public void enableCap(int capability, long argument) {
        ThreadMemory memory = ThreadMemory.current();
        ByteBuffer cap = memory.clearScratch(Linux.SIZEOF_kvm_enable_cap());
        cap.putInt(Linux.OFFSETOF_kvm_enable_cap_cap(), capability);
        cap.putLong(Linux.OFFSETOF_kvm_enable_cap_args(), argument);
        long result = Ioctl.call(fd, Linux.KVM_ENABLE_CAP(), memory.scratchAddress());
        if (result < 0) {
            throw ErrnoException.of(
                    "KVM_ENABLE_CAP", "cap " + capability + ", args[0] " + argument, result);
        }
    }

    /**
     * KVM_CREATE_VCPU (4.7).
     *
     * @param id its number and APIC id, below {@link KvmCap#KVM_CAP_MAX_VCPU_ID}
     */
    public VcpuFd createVcpu(int id) {
        Fd vcpu = Fd.owning(Ioctl.number(fd, "KVM_CREATE_VCPU", Linux.KVM_CREATE_VCPU(), id));
        try {
            return new VcpuFd(this, vcpu, id, vcpuMmapSizeBytes);
        } catch (RuntimeException e) {
            vcpu.close();
            throw e;
        }
    }

    /**
     * Closes the descriptor; does nothing the second time. The kernel's VM goes when its vCPUs are closed,
     * too, and no irqfd holds it.
     */
    @Override
    public void close() {
        fd.close();
    }
}
