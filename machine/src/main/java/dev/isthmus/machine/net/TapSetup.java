// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.NetInterface;
import dev.isthmus.kvm.linux.TapFd;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.io.HostFaults;
import dev.isthmus.virtio.net.VirtioNetProtocol;

/**
 * Opens taps and sets their host's side up, with one line of cause and remedy for what can go wrong. What it opened is
 * closed again where it fails.
 */
final class TapSetup {
    private final TapOptions options;
    private final List<TapFd> taps = new ArrayList<>();

    private TapSetup(TapOptions options) {
        this.options = options;
    }

    static TapBackend open(TapOptions options, String name) {
        TapSetup setup = new TapSetup(options);
        try {
            setup.openQueues();
            setup.setUpHost();
            return new TapBackend(setup.taps, TapOffloads.supported(setup.taps.getFirst()), name);
        } catch (ErrnoException e) {
            setup.closeAll();
            throw HostFaults.of("Can't set up tap " + options.name(), e);
        } catch (RuntimeException e) {
            setup.closeAll();
            throw e;
        }
    }

    private void closeAll() {
        for (TapFd tap : taps) {
            tap.close();
        }
    }

    // Queues.

    private void openQueues() {
        TapFd first = openFirst();
        taps.add(first);
        first.setHeaderSize(VirtioNetProtocol.HEADER_BYTES);
        if (options.sendBufferBytes() != TapOptions.SEND_BUFFER_UNLIMITED) {
            first.setSendBuffer(options.sendBufferBytes());
        }
        for (int i = 1; i < options.queuePairs(); i++) {
            try {
                taps.add(TapFd.open(first.name(), true));
            } catch (ErrnoException e) {
                throw openFailed(e);
            }
        }
    }

    private TapFd openFirst() {
        boolean several = options.queuePairs() > 1;
        try {
            return TapFd.open(options.name(), several);
        } catch (ErrnoException e) {
            if (e.errno() != Errno.EINVAL || several) {
                throw openFailed(e);
            }
        }
        // One that was made for several queues does for one as well.
        try {
            return TapFd.open(options.name(), true);
        } catch (ErrnoException e) {
            throw openFailed(e);
        }
    }

    private VmException openFailed(ErrnoException e) {
        return e.call().equals("open") ? noDriver(e) : noTap(e);
    }

    private static VmException noDriver(ErrnoException e) {
        return switch (e.errno()) {
            case Errno.ENOENT, Errno.ENODEV, Errno.ENXIO -> new VmException.HostUnsupported(
                    "This host has no taps: " + TapFd.DEVICE + " is missing.",
                    "Load the driver (modprobe tun); in a container, pass the device in (--device " + TapFd.DEVICE + ").",
                    e);
            case Errno.EACCES, Errno.EPERM -> new VmException.HostUnsupported(
                    "No permission to open " + TapFd.DEVICE + ".",
                    "Give this user the right to read and write it.",
                    e);
            default -> HostFaults.of("Can't open " + TapFd.DEVICE, e);
        };
    }

    private VmException noTap(ErrnoException e) {
        String tap = "tap " + options.name();
        return switch (e.errno()) {
            case Errno.EPERM -> new VmException.HostUnsupported(
                    "No permission to use or make " + tap + ".", permissionRemedy(), e);
            case Errno.EBUSY -> new VmException.Configuration(
                    "The " + tap + " is in use by another program.",
                    "End that program, or name another tap.",
                    e);
            case Errno.EINVAL -> unfit(tap, e);
            case Errno.E2BIG -> new VmException.Configuration(
                    "The " + tap + " has all the queues that it may have.", "Give fewer queue pairs.", e);
            default -> HostFaults.of("Can't open " + tap, e);
        };
    }

    private String permissionRemedy() {
        String name = options.name().equals(TapOptions.ANY_NAME) ? "NAME" : options.name();
        return "Run as root or with CAP_NET_ADMIN, or have root make the tap for this user: ip tuntap add " + name
                + " mode tap user " + System.getProperty("user.name", "USER")
                + (options.queuePairs() > 1 ? " multi_queue." : ".");
    }

    /** Of an existing interface, the kernel only says that it does not fit. */
    private VmException unfit(String tap, ErrnoException e) {
        boolean isTap = tapFlags() == TapFlags.TAP;
        if (isTap && options.queuePairs() > 1) {
            return new VmException.Configuration(
                    "The " + tap + " was made for one queue and can't have " + options.queuePairs() + " queue pairs.",
                    "Make it with: ip tuntap add " + options.name() + " mode tap multi_queue; or give it one queue pair.",
                    e);
        }
        return new VmException.Configuration(
                "The network interface " + options.name() + " is no tap.",
                "Name a tap, or a name that no interface has, to make one.",
                e);
    }

    private enum TapFlags {
        TAP,
        OTHER
    }

    private TapFlags tapFlags() {
        Path flags = Path.of("/sys/class/net", options.name(), "tun_flags");
        try {
            // IFF_TAP is the second bit; an interface without the file is neither tun nor tap.
            return (Integer.decode(Files.readString(flags).strip()) & 2) != 0 ? TapFlags.TAP : TapFlags.OTHER;
        } catch (IOException | NumberFormatException e) {
            return TapFlags.OTHER;
        }
    }

    // The host's side.

    private void setUpHost() {
        TapFd first = taps.getFirst();
        if (options.persistent()) {
            first.setPersistent(true);
        }
        try (NetInterface hostSide = NetInterface.named(first.name())) {
            if (options.mtuBytes() != TapOptions.MTU_UNCHANGED) {
                setMtu(hostSide);
            }
            String bridge = options.bridge();
            if (bridge != null) {
                addToBridge(hostSide, bridge);
            }
            if (options.up()) {
                setUp(hostSide);
            }
        } catch (RuntimeException e) {
            if (options.persistent()) {
                first.setPersistent(false);
            }
            throw e;
        }
    }

    private void setMtu(NetInterface hostSide) {
        try {
            hostSide.setMtu(options.mtuBytes());
        } catch (ErrnoException e) {
            throw hostSideFailed("set the MTU of tap " + taps.getFirst().name() + " to " + options.mtuBytes(), e);
        }
    }

    private void setUp(NetInterface hostSide) {
        try {
            hostSide.setUp();
        } catch (ErrnoException e) {
            throw hostSideFailed("set tap " + taps.getFirst().name() + " up", e);
        }
    }

    private void addToBridge(NetInterface hostSide, String bridge) {
        String what = "make tap " + taps.getFirst().name() + " a port of bridge " + bridge;
        int index = hostSide.index();
        try (NetInterface target = NetInterface.named(bridge)) {
            target.addBridgePort(index);
        } catch (ErrnoException e) {
            switch (e.errno()) {
                case Errno.EBUSY -> {
                    if (!isPortOf(bridge)) {
                        throw new VmException.Configuration(
                                "Can't " + what + ": it is a port of another bridge or bond already.",
                                "Take it out of that (ip link set " + taps.getFirst().name() + " nomaster), or name that bridge.",
                                e);
                    }
                }
                case Errno.ENODEV -> throw new VmException.Configuration(
                        "Can't " + what + ": there is no bridge of that name.",
                        "Make it (ip link add " + bridge + " type bridge), or name another one.",
                        e);
                case Errno.EOPNOTSUPP, Errno.EINVAL -> throw new VmException.Configuration(
                        "Can't " + what + ": " + bridge + " is no bridge.", "Name a bridge.", e);
                default -> throw hostSideFailed(what, e);
            }
        }
    }

    private boolean isPortOf(String bridge) {
        Path master = Path.of("/sys/class/net", taps.getFirst().name(), "master");
        try {
            return Files.readSymbolicLink(master).endsWith(bridge);
        } catch (IOException e) {
            return false;
        }
    }

    private static VmException hostSideFailed(String what, ErrnoException e) {
        if (e.errno() == Errno.EPERM) {
            return new VmException.HostUnsupported(
                    "No permission to " + what + ".",
                    "Run as root or with CAP_NET_ADMIN, or have root do it beforehand.",
                    e);
        }
        return HostFaults.of("Can't " + what, e);
    }

    // Descriptors of somebody else's.

    static TapBackend inherit(List<Integer> descriptors, String name) {
        if (descriptors.isEmpty() || descriptors.size() > TapOptions.QUEUE_PAIRS_MAX) {
            throw new IllegalArgumentException(
                    "a network device has 1 to " + TapOptions.QUEUE_PAIRS_MAX + " queue pairs");
        }
        List<TapFd> taps = new ArrayList<>();
        for (int descriptor : descriptors) {
            taps.add(inheritOne(descriptor));
        }
        TapFd first = taps.getFirst();
        for (TapFd tap : taps) {
            if (!tap.name().equals(first.name())) {
                throw new VmException.Configuration(
                        "The descriptors that were given for one network are of different taps: " + first.name() + " and "
                                + tap.name() + ".",
                        "Give queues of one tap.");
            }
        }
        try {
            first.setHeaderSize(VirtioNetProtocol.HEADER_BYTES);
            return new TapBackend(taps, TapOffloads.supported(first), name);
        } catch (ErrnoException e) {
            throw HostFaults.of("Can't use the tap of descriptor " + descriptors.getFirst(), e);
        }
    }

    private static TapFd inheritOne(int descriptor) {
        TapFd tap;
        try {
            tap = TapFd.inherit(Fd.owning(descriptor));
        } catch (ErrnoException e) {
            boolean open = e.errno() != Errno.EBADF;
            throw new VmException.Configuration(
                    open ? "Descriptor " + descriptor + " is no tap." : "Descriptor " + descriptor + " is not open.",
                    open ? "Open " + TapFd.DEVICE + " and connect it with a tap (TUNSETIFF) before."
                            : "Have the program that starts this one pass it on.",
                    e);
        }
        if (!tap.hasNetHeaders()) {
            throw new VmException.Configuration(
                    "The tap of descriptor " + descriptor + " has not the headers of virtio-net.",
                    "Open it with IFF_TAP | IFF_NO_PI | IFF_VNET_HDR.");
        }
        return tap;
    }
}
