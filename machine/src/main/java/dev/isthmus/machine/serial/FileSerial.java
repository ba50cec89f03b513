// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.EventLoop;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.HostFile;
import dev.isthmus.machine.VmException;

/**
 * The serial line into a file, emptied first as QEMU does; also into a named pipe or a device. There is no input.
 *
 * <p>When the disk is full, further output is dropped with one warning: a log is not worth the VM.
 */
final class FileSerial implements SerialBackend {
    /** For everybody, less the umask. */
    private static final int MODE = 0666;

    private final Fd fd;
    private @Nullable FdStream stream;

    private FileSerial(Fd fd) {
        this.fd = fd;
    }

    static FileSerial open(Path path) {
        int flags = HostFile.O_WRONLY | HostFile.O_CREAT | HostFile.O_TRUNC | HostFile.O_NONBLOCK;
        try {
            return new FileSerial(HostFile.openFd(path.toString(), flags, MODE));
        } catch (ErrnoException e) {
            String remedy = e.errno() == Errno.ENXIO
                    ? "Start what reads the named pipe first."
                    : "Name a file that can be written, in a directory that exists.";
            throw new VmException.Configuration(
                    "The serial line's file " + path + " can't be opened: " + Errno.text(e.errno()) + ".", remedy, e);
        }
    }

    @Override
    public void attach(EventLoop loop, SerialPort port) {
        stream = new FdStream(loop, fd, false, new PortUser(port));
    }

    @Override
    public int transmit(MemorySegment source) {
        return stream == null ? 0 : stream.write(source);
    }

    @Override
    public void receiveReady() {}

    @Override
    public void close() {
        if (stream != null) {
            stream.close();
        }
        fd.close();
    }
}
