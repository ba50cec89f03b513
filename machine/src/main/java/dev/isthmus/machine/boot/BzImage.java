// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot;

import org.jspecify.annotations.Nullable;

import dev.isthmus.machine.VmException;
import dev.isthmus.machine.boot.payload.LibraryUnavailableException;
import dev.isthmus.machine.boot.payload.MalformedPayloadException;
import dev.isthmus.machine.boot.payload.PayloadFormat;
import dev.isthmus.machine.boot.payload.UnpackBuffer;

/**
 * A bzImage. The kernel in it, an ELF vmlinux, is unpacked here and entered as such: the stub that comes with it, and
 * would unpack it in the guest, never runs.
 *
 * <pre>
 *  0            boot sector and real-mode code, with the setup header at 0x1f1
 *  (setup_sects + 1) * 512          protected-mode code
 *               + payload_offset    vmlinux, compressed; its unpacked size in its last 4 bytes
 * </pre>
 *
 * <p>The unpacked kernel is given up as soon as it has been placed, and unpacked again for a reset, which so takes as long
 * as a start: a fraction of a second for most formats, a few seconds for XZ and LZMA. Keeping it would cost each VM up to
 * 60 MiB for its whole life, in the heap, a memfd or a file in a {@code /tmp} that often is memory, too, and most VMs
 * never reset. Who resets often gives the vmlinux, which is read straight into guest RAM each time.
 */
final class BzImage implements KernelImage {
    /** Bounds what is read into memory; a kernel with all drivers built in has some 30 MiB. */
    private static final long PAYLOAD_MAX_BYTES = 256 << 20;

    /** Bounds the unpacked kernel: Linux's KERNEL_IMAGE_SIZE, which it can't exceed in memory either. */
    private static final long UNPACKED_MAX_BYTES = 1 << 30;

    private static final int UNPACKED_SIZE_BYTES = 4;

    private final KernelFile file;
    private final SetupHeader header;
    private final String protocol;
    /** The unpacked kernel, until it is placed for the first time. */
    private @Nullable UnpackBuffer unpacked;

    private @Nullable ElfImage elf;

    private BzImage(KernelFile file, SetupHeader header) {
        this.file = file;
        this.header = header;
        this.protocol = ElfPlacement.protocol(unpack());
    }

    /**
     * Checks the header and unpacks the kernel.
     *
     * @param head the start of the file, up to {@link SetupHeader#END_MAX}
     * @throws VmException.Configuration if this is not a 64-bit kernel, is damaged or compressed in an unknown way
     * @throws VmException.HostUnsupported if its compression takes native code that can't be loaded
     */
    static BzImage open(KernelFile file, byte[] head) {
        return new BzImage(file, SetupHeader.parse(file.name(), head));
    }

    private ElfImage unpack() {
        long offset = header.payloadOffset();
        long payloadBytes = header.payloadBytes();
        if (payloadBytes == 0) {
            throw damaged("has no compressed kernel in it", null);
        }
        if (!ElfImage.within(offset, payloadBytes, file.sizeBytes())) {
            throw damaged("ends within the compressed kernel", null);
        }
        byte[] magic = new byte[(int) Math.min(PayloadFormat.MAGIC_BYTES, payloadBytes)];
        file.read(offset, magic, 0, magic.length);
        if (ElfImage.hasMagic(magic)) {
            elf = ElfImage.parse(new ImageSlice(file, offset, payloadBytes));
            return elf;
        }
        PayloadFormat format = PayloadFormat.of(magic);
        if (format == null || !format.isSupported()) {
            String how = format == null ? "in an unknown way" : "with " + format.title();
            throw new VmException.Configuration(
                    file.name() + ": is compressed " + how,
                    "Use a kernel compressed with gzip, LZ4, zstd, XZ or LZMA, or its vmlinux.");
        }
        if (payloadBytes <= UNPACKED_SIZE_BYTES || payloadBytes > PAYLOAD_MAX_BYTES) {
            throw damaged("has a compressed kernel of impossible size", null);
        }
        UnpackBuffer buffer = null;
        try {
            byte[] payload = new byte[(int) payloadBytes];
            file.read(offset, payload, 0, payload.length);
            buffer = new UnpackBuffer(payload.length, unpackedBytes(payload));
            format.unpack(payload, buffer);
            elf = ElfImage.parse(new UnpackedImage(file.name(), buffer.content()));
            unpacked = buffer;
            return elf;
        } catch (MalformedPayloadException e) {
            throw damaged("can't be unpacked: " + format.title() + " " + e.getMessage(), e);
        } catch (LibraryUnavailableException e) {
            throw new VmException.HostUnsupported(
                    file.name() + ": can't be unpacked: " + e.getMessage(), e.remedy(), e);
        } catch (OutOfMemoryError e) {
            throw new VmException.Configuration(
                    file.name() + ": needs more memory to be unpacked than the Java virtual machine has",
                    "Give it a larger heap (-Xmx), or use the kernel's vmlinux.",
                    e);
        } finally {
            if (unpacked == null && buffer != null) {
                buffer.close();
            }
        }
    }

    /** Returns the size that the build wrote behind the compressed kernel; gzip has it as its own last field. */
    private long unpackedBytes(byte[] payload) {
        long unpackedBytes = LittleEndian.u32(payload, payload.length - UNPACKED_SIZE_BYTES);
        // init_size covers the unpacked file. So a lie about its size must also be one about the memory it needs.
        if (unpackedBytes > Math.min(UNPACKED_MAX_BYTES, header.initBytes())) {
            throw damaged("says that it unpacks to " + unpackedBytes + " bytes, more than it says to need", null);
        }
        return unpackedBytes;
    }

    private VmException.Configuration damaged(String cause, @Nullable Throwable reason) {
        return new VmException.Configuration(file.name() + ": " + cause, Remedies.COPY_AGAIN, reason);
    }

    @Override
    public String protocol() {
        return protocol;
    }

    @Override
    public InitialCpuState place(BootRequest request) {
        ElfImage ready = elf;
        InitialCpuState state = ElfPlacement.place(ready != null ? ready : unpack(), header, request);
        release();
        return state;
    }

    private void release() {
        elf = null;
        if (unpacked != null) {
            unpacked.close();
            unpacked = null;
        }
    }

    @Override
    public void close() {
        release();
        file.close();
    }
}
