// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.nio.ByteBuffer;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;

/**
 * One queue of a tap, a network interface of the kernel whose frames a program sends and receives
 * ({@code /dev/net/tun}). Before each frame is a {@code struct virtio_net_hdr}, little-endian. Calls do not wait;
 * {@link VectorIo} reads and writes packets, one a call.
 *
 * <p>Any thread.
 *
 * @see <a href="https://docs.kernel.org/networking/tuntap.html">Universal TUN/TAP device driver</a>
 */
public final class TapFd implements AutoCloseable {
    /** Where taps come from. */
    public static final String DEVICE = "/dev/net/tun";

    /** The longest name of a network interface, in bytes. */
    public static final int MAX_NAME_BYTES = Linux.IFNAMSIZ() - 1;

    /** Checksums may be left to this side. */
    public static final int TUN_F_CSUM = Linux.TUN_F_CSUM();

    /** TCP over IPv4 may be left to this side to segment. */
    public static final int TUN_F_TSO4 = Linux.TUN_F_TSO4();

    /** TCP over IPv6 may be left to this side to segment. */
    public static final int TUN_F_TSO6 = Linux.TUN_F_TSO6();

    /** Segments may have ECN set. */
    public static final int TUN_F_TSO_ECN = Linux.TUN_F_TSO_ECN();

    /** UDP over IPv4 may be left to this side to segment; together with {@link #TUN_F_USO6}, from Linux 6.2. */
    public static final int TUN_F_USO4 = 0x20;

    /** UDP over IPv6 may be left to this side to segment; together with {@link #TUN_F_USO4}, from Linux 6.2. */
    public static final int TUN_F_USO6 = 0x40;

    private final Fd fd;
    private final String name;
    private final int flags;

    private TapFd(Fd fd, String name, int flags) {
        this.fd = fd;
        this.name = name;
        this.flags = flags;
    }

    /**
     * Opens a queue of a tap, which is made where there is none of the name.
     *
     * @param name 1 to {@link #MAX_NAME_BYTES} bytes; {@code %d} in it stands for the first number that is free
     * @param multiQueue whether the tap may have several queues, as an existing one must be
     * @throws ErrnoException of {@code open}: ENOENT or ENODEV without the tun driver, EACCES without permission; of
     *     {@code TUNSETIFF}: EPERM without permission, EBUSY if the tap is in use, EINVAL if the interface is no tap or
     *     is of the other kind as for queues, E2BIG if it has all queues that it may have
     */
    public static TapFd open(String name, boolean multiQueue) {
        Fd fd = HostFile.openFd(DEVICE, HostFile.O_RDWR | HostFile.O_NONBLOCK, 0);
        try {
            int wanted = Linux.IFF_TAP()
                    | Linux.IFF_NO_PI()
                    | Linux.IFF_VNET_HDR()
                    | (multiQueue ? Linux.IFF_MULTI_QUEUE() : 0);
            ByteBuffer request = NetInterface.request(name);
            request.putShort(Linux.OFFSETOF_ifreq_ifr_flags(), (short) wanted);
            call(fd, "TUNSETIFF", name, Linux.TUNSETIFF(), ThreadMemory.current().scratchAddress());
            return describe(fd);
        } catch (RuntimeException e) {
            fd.close();
            throw e;
        }
    }

    /**
     * Takes over a descriptor of a queue that somebody else opened.
     *
     * @throws ErrnoException ENOTTY or EINVAL if it is none, EBADFD if it is not connected with a tap, EBADF if it is not
     *     open; it is not taken over then
     */
    public static TapFd inherit(Fd fd) {
        TapFd tap = describe(fd);
        StreamIo.setNonBlocking(fd, true);
        return tap;
    }

    private static TapFd describe(Fd fd) {
        ThreadMemory memory = ThreadMemory.current();
        ByteBuffer request = memory.clearScratch(Linux.SIZEOF_ifreq());
        call(fd, "TUNGETIFF", "", Linux.TUNGETIFF(), memory.scratchAddress());
        int flags = Short.toUnsignedInt(request.getShort(Linux.OFFSETOF_ifreq_ifr_flags()));
        return new TapFd(fd, NetInterface.nameIn(request), flags);
    }

    private static void call(Fd fd, String name, String argument, long request, long value) {
        long result = Syscall.call(Linux.__NR_ioctl(), fd.number(), request, value);
        if (result < 0) {
            throw ErrnoException.of(name, argument, result);
        }
    }

    /** A call with a pointer to a number. */
    private void callWithInt(String name, long request, int value) {
        ThreadMemory memory = ThreadMemory.current();
        memory.scratch().putInt(0, value);
        call(fd, name, this.name + ", " + value, request, memory.scratchAddress());
    }

    /** Its descriptor, which it keeps. */
    public Fd fd() {
        return fd;
    }

    /** The interface's name when the queue was opened. */
    public String name() {
        return name;
    }

    /** Whether it is a tap whose packets have no header but that of virtio-net, as {@link #open} makes them. */
    public boolean hasNetHeaders() {
        int wanted = Linux.IFF_TAP() | Linux.IFF_NO_PI() | Linux.IFF_VNET_HDR();
        return (flags & wanted) == wanted;
    }

    /** Whether the tap may have several queues. */
    public boolean multiQueue() {
        return (flags & Linux.IFF_MULTI_QUEUE()) != 0;
    }

    /** Whether the queue has no tap any more, or is detached. */
    public boolean isDetached() {
        ThreadMemory memory = ThreadMemory.current();
        memory.clearScratch(Linux.SIZEOF_ifreq());
        long result = Syscall.call(Linux.__NR_ioctl(), fd.number(), Linux.TUNGETIFF(), memory.scratchAddress());
        return result == -Errno.EBADFD;
    }

    /** Sets the size of the header before each frame: 10 or 12. */
    public void setHeaderSize(int sizeBytes) {
        callWithInt("TUNSETVNETHDRSZ", Linux.TUNSETVNETHDRSZ(), sizeBytes);
    }

    /**
     * Says what the kernel may leave to this side in packets that are read. Allocates nothing.
     *
     * @param offloads a set of {@code TUN_F_…} bits
     * @return whether the kernel knows them all; otherwise nothing has changed
     * @throws ErrnoException for other errors, EBADFD where the tap is gone among them
     */
    public boolean setOffloads(int offloads) {
        long result = Syscall.call(Linux.__NR_ioctl(), fd.number(), Linux.TUNSETOFFLOAD(), offloads);
        if (result < 0 && result != -Errno.EINVAL) {
            throw ErrnoException.of("TUNSETOFFLOAD", name, result);
        }
        return result >= 0;
    }

    /** Sets how many bytes of packets that were written may wait in the kernel; without this there is no limit. */
    public void setSendBuffer(int sizeBytes) {
        callWithInt("TUNSETSNDBUF", Linux.TUNSETSNDBUF(), sizeBytes);
    }

    /** Says whether the tap stays when its last queue is closed. */
    public void setPersistent(boolean persistent) {
        call(fd, "TUNSETPERSIST", name, Linux.TUNSETPERSIST(), persistent ? 1 : 0);
    }

    /**
     * Takes this queue out of use or into use again, of a tap that may have several: nothing comes to a detached one, and
     * reads and writes fail with EBADFD.
     */
    public void setAttached(boolean attached) {
        ThreadMemory memory = ThreadMemory.current();
        int flag = attached ? Linux.IFF_ATTACH_QUEUE() : Linux.IFF_DETACH_QUEUE();
        memory.clearScratch(Linux.SIZEOF_ifreq()).putShort(Linux.OFFSETOF_ifreq_ifr_flags(), (short) flag);
        call(fd, "TUNSETQUEUE", name, Linux.TUNSETQUEUE(), memory.scratchAddress());
    }

    /** Closes the descriptor; does nothing the second time. */
    @Override
    public void close() {
        fd.close();
    }
}
