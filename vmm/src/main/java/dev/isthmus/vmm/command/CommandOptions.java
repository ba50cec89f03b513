// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

/** The options of all commands. */
final class CommandOptions {
    static final CommandOption KERNEL = CommandOption.file("--kernel", "FILE",
            "The kernel: an ELF vmlinux (64-bit Linux or PVH boot protocol, as its notes say), a bzImage, or a flat binary.");
    static final CommandOption KERNEL_FORMAT = CommandOption.text("--kernel-format", "FORMAT",
            "auto, elf, bzimage or flat. A flat binary has nothing to be told by.");
    static final CommandOption INITRD = CommandOption.file("--initrd", "FILE",
            "The initial RAM disk.");
    static final CommandOption CMDLINE = CommandOption.text("--cmdline", "TEXT",
            "The kernel's command line, for example \"console=ttyS0 root=/dev/vda\".");
    static final CommandOption CPUS = CommandOption.text("--cpus", "N",
            "Number of virtual CPUs; 1 where not given.");
    static final CommandOption MEMORY = CommandOption.text("--memory", "SIZE",
            "Guest memory, for example 512M or 2G (a plain number counts MiB); 128M where not given.");
    static final CommandOption DISK = CommandOption.repeatableText("--disk", "path=FILE[,...]",
            "A virtio disk (the first is /dev/vda): path=FILE[,format=FORMAT][,readonly=on][,id=NAME][,serial=TEXT]"
                    + "[,aio=threads|io_uring][,queues=N][,packed=on][,cache=writeback|none|writethrough|directsync|unsafe][,discard=on|off]"
                    + "[,on-error=report|stop][,locking=off][,iops=N][,bps=SIZE]. FORMAT is raw, qcow2, vmdk, vdi or vhdx (the last three"
                    + " can only be read), and found out where not given. It has a request queue for each CPU, up to 16, where"
                    + " not given; packed=on lets the guest choose packed queues. iops and bps, also as iops-rd, iops-wr, bps-rd, bps-wr, limit operations and bytes a second;"
                    + " each takes a burst, such as iops-max=N for iops-max-length=SECONDS. With on-error=stop a host error"
                    + " pauses the guest until SIGUSR1 comes. A comma in a value is written twice.");
    static final CommandOption NET = CommandOption.repeatableText("--net", "tap|user|socket[,...]",
            "A network interface. tap[,name=NAME][,bridge=NAME][,queues=N][,persist=on][,up=off] uses or makes a tap of the host,"
                    + " isthmus0 and so on where not named; tap,fd=N[:N...] one that is open already."
                    + " user[,hostfwd=tcp:ADDRESS:PORT-:GUESTPORT]...[,address=IP][,gateway=IP][,dns=IP][,host-loopback=on] gives the"
                    + " guest the host's network through passt and needs no root; hostfwd, also with udp, leads a port of the host to"
                    + " the guest. socket,listen=PATH and socket,connect=PATH join two machines of this host; socket,fd=N takes a"
                    + " connection that is open. All take [,mac=ADDRESS][,mtu=N][,offloads=off][,packed=on][,link=off]"
                    + "[,capture=FILE][,id=NAME], and limits: rx-bps=SIZE, tx-bps=SIZE, rx-pps=N, tx-pps=N, each with a burst such as"
                    + " rx-bps-max=SIZE and rx-bps-max-length=SECONDS. capture writes all packets to a pcapng file.");
    static final CommandOption FS = CommandOption.repeatableText("--fs", "path=DIR,tag=TAG[,...]",
            "A folder of the host, which the guest mounts by its tag (mount -t virtiofs TAG /mnt) or boots from"
                    + " (--cmdline \"rootfstype=virtiofs root=TAG rw\"): path=DIR,tag=TAG[,readonly=on][,owner=root|guest|UID:GID]"
                    + "[,cache=never|auto|always][,queues=N][,packed=on][,id=NAME]. With owner=root, where not given, or UID:GID all"
                    + " files belong to that user of the guest, and to you on the host; with owner=guest, which takes root, the"
                    + " guest's owners are the host's. cache=always is for folders that nobody else changes.");
    static final CommandOption VSOCK = CommandOption.text("--vsock", "path=SOCKET[,...]",
            "Sockets between the guest and programs of the host: path=SOCKET[,cid=N][,packed=on][,id=NAME]. Who connects to"
                    + " SOCKET and writes 'CONNECT 52' and a newline reaches port 52 of the guest; port 52 of the host (CID 2) is whoever"
                    + " listens at SOCKET_52. The guest's own CID is 3 where not given.");
    static final CommandOption CONSOLE = CommandOption.repeatableText("--console", "WHERE",
            "A console beside the serial line (hvc0, hvc1 in Linux), connected as --serial: stdio, null, pty, file=PATH or"
                    + " unix=PATH. With stdio the serial line is connected to nothing where not given, and the guest sees the"
                    + " terminal's size.");
    static final CommandOption CHANNEL = CommandOption.repeatableText("--channel", "name=NAME,to=WHERE",
            "A port for programs of the guest (/dev/virtio-ports/NAME in Linux), connected to null, pty, file=PATH or unix=PATH;"
                    + " for example name=org.qemu.guest_agent.0,to=unix=/run/agent.sock.");
    static final CommandOption RNG = CommandOption.text("--rng", "host[,...]",
            "A source of random numbers, which the host's kernel fills: host[,bps=SIZE][,packed=on][,id=NAME]. bps limits bytes a"
                    + " second, with a burst as for --disk.");
    static final CommandOption BALLOON = CommandOption.text("--balloon", "size=SIZE[,...]",
            "A balloon in the guest's memory: size=SIZE[,deflate-on-oom=off][,reporting=on][,packed=on][,id=NAME]. size is what"
                    + " the guest is to do without, 0 for nothing; rather than run out of memory the guest takes some back, unless"
                    + " deflate-on-oom=off. With reporting=on memory that the guest has freed goes back to the host by itself.");
    static final CommandOption TRANSPORT = CommandOption.text("--transport", "pci|mmio",
            "How the guest finds its virtio devices: as functions of a PCI bus (where not given), or at fixed addresses"
                    + " as on QEMU's microvm.");
    static final CommandOption SERIAL = CommandOption.text("--serial", "WHERE",
            "What the first serial line is connected to: stdio (where not given), null, pty, file=PATH or unix=PATH."
                    + " In a terminal, Ctrl-a x quits and Ctrl-a h lists the keys.");
    static final CommandOption CPU = CommandOption.text("--cpu", "host[,+FLAG][,-FLAG]...",
            "The CPU that the guest sees: the host's, with features added or hidden by their names in /proc/cpuinfo,"
                    + " for example host,-avx512f. A line names those that the host's KVM does not heed.");
    static final CommandOption DEBUG_EXIT = CommandOption.text("--debug-exit", "PORT",
            "An I/O port that ends the VM when the guest writes to it, as QEMU's isa-debug-exit does; for example 0xf4.");
    static final CommandOption NO_REBOOT = CommandOption.flag("--no-reboot",
            "End where the guest would reset.");
    static final CommandOption TIMEOUT = CommandOption.text("--timeout", "DURATION",
            "Stop the guest after this time (30s, 5m, 1m30s, 500ms).");
    static final CommandOption DRY_RUN = CommandOption.flag("--dry-run",
            "Check and show the configuration; run nothing.");
    static final CommandOption VERBOSE = CommandOption.flag("--verbose",
            "Log what happens and show stack traces, on standard error.");
    static final CommandOption JSON = CommandOption.flag("--json",
            "Print the checks as JSON.");

    /** Those of {@code isthmus run}, in the order of the help. */
    static final CommandOption[] RUN = {
        KERNEL, KERNEL_FORMAT, INITRD, CMDLINE, CPUS, MEMORY, DISK, NET, FS, VSOCK, CONSOLE, CHANNEL, RNG, BALLOON, TRANSPORT, SERIAL, CPU, DEBUG_EXIT, NO_REBOOT, TIMEOUT,
        DRY_RUN, VERBOSE
    };

    /** Those of {@code isthmus demo}. */
    static final CommandOption[] DEMO = {CPUS, MEMORY, DISK, NET, FS, VSOCK, CHANNEL, RNG, BALLOON, TRANSPORT, TIMEOUT, DRY_RUN, VERBOSE};

    /** Those of {@code isthmus doctor}. */
    static final CommandOption[] DOCTOR = {JSON, VERBOSE};

    private CommandOptions() {}
}
