// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

import dev.isthmus.kvm.ffi.Syscall;
import dev.isthmus.kvm.ffi.ThreadMemory;
import dev.isthmus.kvm.generated.Linux;

/**
 * A network interface of this process's network namespace, by its name.
 *
 * <p>Any thread. All calls throw {@link ErrnoException}: ENODEV if there is none of the name, EPERM without permission
 * to change it.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/netdevice.7.html">netdevice(7)</a>
 */
public final class NetInterface implements AutoCloseable {
    /** Any socket will do. */
    private final Fd socket;

    private final String name;

    private NetInterface(Fd socket, String name) {
        this.socket = socket;
        this.name = name;
    }

    /**
     * Names an interface, which need not exist.
     *
     * @param name 1 to {@link TapFd#MAX_NAME_BYTES} bytes
     */
    public static NetInterface named(String name) {
        long result = Syscall.call(
                Linux.__NR_socket(), Linux.AF_UNIX(), Linux.SOCK_DGRAM() | Linux.SOCK_CLOEXEC());
        if (result < 0) {
            throw ErrnoException.of("socket", "AF_UNIX", result);
        }
        return new NetInterface(Fd.owning((int) result), name);
    }

    /** A request with a name in this thread's scratch, all else zero ({@code struct ifreq}). */
    static ByteBuffer request(String name) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        if (bytes.length == 0 || bytes.length > TapFd.MAX_NAME_BYTES) {
            throw new IllegalArgumentException(
                    "a network interface's name has 1 to " + TapFd.MAX_NAME_BYTES + " bytes: " + name);
        }
        ByteBuffer request = ThreadMemory.current().clearScratch(Linux.SIZEOF_ifreq());
        request.put(Linux.OFFSETOF_ifreq_ifr_name(), bytes);
        return request;
    }

    /** The name in an answer. */
    static String nameIn(ByteBuffer answer) {
        byte[] bytes = new byte[Linux.IFNAMSIZ()];
        answer.get(Linux.OFFSETOF_ifreq_ifr_name(), bytes);
        int length = 0;
        while (length < bytes.length && bytes[length] != 0) {
            length++;
        }
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }

    /** A call with what is in the scratch. */
    private void call(String call, String argument, long request) {
        long result =
                Syscall.call(Linux.__NR_ioctl(), socket.number(), request, ThreadMemory.current().scratchAddress());
        if (result < 0) {
            throw ErrnoException.of(call, argument, result);
        }
    }

    /** Its number. */
    public int index() {
        ByteBuffer request = request(name);
        call("SIOCGIFINDEX", name, Linux.SIOCGIFINDEX());
        return request.getInt(Linux.OFFSETOF_ifreq_ifr_ifindex());
    }

    /** Whether there is one of the name. */
    public boolean exists() {
        request(name);
        long address = ThreadMemory.current().scratchAddress();
        return Syscall.call(Linux.__NR_ioctl(), socket.number(), Linux.SIOCGIFINDEX(), address) >= 0;
    }

    /** Sets it up; needs no permission where it is up already. */
    public void setUp() {
        ByteBuffer request = request(name);
        call("SIOCGIFFLAGS", name, Linux.SIOCGIFFLAGS());
        int flags = request.getShort(Linux.OFFSETOF_ifreq_ifr_flags());
        if ((flags & Linux.IFF_UP()) == 0) {
            request.putShort(Linux.OFFSETOF_ifreq_ifr_flags(), (short) (flags | Linux.IFF_UP()));
            call("SIOCSIFFLAGS", name + ", IFF_UP", Linux.SIOCSIFFLAGS());
        }
    }

    /** Sets the largest packet, in bytes without the Ethernet header; needs no permission where it is so already. */
    public void setMtu(int mtuBytes) {
        ByteBuffer request = request(name);
        call("SIOCGIFMTU", name, Linux.SIOCGIFMTU());
        if (request.getInt(Linux.OFFSETOF_ifreq_ifr_mtu()) != mtuBytes) {
            request.putInt(Linux.OFFSETOF_ifreq_ifr_mtu(), mtuBytes);
            call("SIOCSIFMTU", name + ", " + mtuBytes, Linux.SIOCSIFMTU());
        }
    }

    /**
     * Makes another interface a port of this bridge.
     *
     * @param portIndex the other's {@link #index}
     * @throws ErrnoException EOPNOTSUPP or EINVAL if this is no bridge, EBUSY if the other is some bridge's port already
     */
    public void addBridgePort(int portIndex) {
        request(name).putInt(Linux.OFFSETOF_ifreq_ifr_ifindex(), portIndex);
        call("SIOCBRADDIF", name, Linux.SIOCBRADDIF());
    }

    /** Gives the socket back; the interface stays as it is. */
    @Override
    public void close() {
        socket.close();
    }
}
