// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Locale;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.ImageOpener;
import dev.isthmus.block.RawImage;
import dev.isthmus.block.qcow2.Qcow2Image;
import dev.isthmus.machine.block.HostImageFile;
import dev.isthmus.testing.block.CrashModel;
import dev.isthmus.testing.block.CrashPlan;

/** The kinds of images whose writer is killed: each is a file of its own in a folder, made by qemu-img. */
enum CrashImage {
    RAW("raw", "", false, false),
    PLAIN("qcow2", "cluster_size=65536", false, false),
    BACKED("qcow2", "cluster_size=4096", true, false),
    OLD("qcow2", "compat=0.10,cluster_size=512", false, false),
    OLD_BACKED("qcow2", "compat=0.10,cluster_size=65536", true, false),
    LAZY("qcow2", "lazy_refcounts=on,cluster_size=4096", false, false),
    SNAPSHOTS("qcow2", "cluster_size=4096,refcount_bits=8", false, true),
    BACKED_SNAPSHOTS("qcow2", "cluster_size=65536,lazy_refcounts=on", true, true);

    /** All backed images are based on it. */
    static final String BASE = "base.raw";

    private static final List<CrashImage> ALL = List.of(values());

    private static final int SECTORS = 1000;
    private static final int SECTORS_MAX = 2100;
    private static final int BASE_NUMBER = 1;

    final String format;
    private final String options;
    private final boolean backed;
    private final boolean snapshots;

    CrashImage(String format, String options, boolean backed, boolean snapshots) {
        this.format = format;
        this.options = options;
        this.backed = backed;
        this.snapshots = snapshots;
    }

    /** Returns its position among the kinds. */
    @SuppressWarnings("EnumOrdinal") // Told between two processes of the same build.
    int number() {
        return ALL.indexOf(this);
    }

    /** Returns the file's name. */
    String file() {
        return name().toLowerCase(Locale.ROOT) + "." + format;
    }

    /** Returns what a disk that has just been made holds. */
    CrashModel newModel() {
        return new CrashModel(SECTORS_MAX, SECTORS, backed ? BASE_NUMBER : 0);
    }

    /** Returns what a writer does with it. */
    CrashPlan plan(long seed, CrashModel model) {
        boolean resizesSnapshots = !options.contains("compat=0.10");
        return new CrashPlan(seed + number(), model, snapshots, true, resizesSnapshots);
    }

    /** Makes an image of each kind, and what they are based on. */
    static void makeAll(Path folder) throws IOException, InterruptedException {
        String sizeBytes = Long.toString((long) SECTORS * CrashModel.SECTOR_BYTES);
        String base = folder.resolve(BASE).toString();
        HostTool.succeed("qemu-img", "create", "-q", "-f", "raw", base, sizeBytes);
        try (BlockBackend disk = new RawImage(HostImageFile.open(Path.of(base), false, BASE), BASE)) {
            CrashPlan.write(disk, 0, SECTORS, BASE_NUMBER);
        }
        for (CrashImage image : values()) {
            String file = folder.resolve(image.file()).toString();
            if (image.format.equals("raw")) {
                HostTool.succeed("qemu-img", "create", "-q", "-f", "raw", file, sizeBytes);
            } else if (image.backed) {
                HostTool.succeed(
                        "qemu-img", "create", "-q", "-f", "qcow2", "-o", image.options, "-b", BASE, "-F", "raw", file,
                        sizeBytes);
            } else {
                HostTool.succeed("qemu-img", "create", "-q", "-f", "qcow2", "-o", image.options, file, sizeBytes);
            }
        }
    }

    /** Copies all that {@link #makeAll} made. */
    static void copyAll(Path from, Path to) throws IOException {
        Files.copy(from.resolve(BASE), to.resolve(BASE), StandardCopyOption.REPLACE_EXISTING);
        for (CrashImage image : values()) {
            Files.copy(from.resolve(image.file()), to.resolve(image.file()), StandardCopyOption.REPLACE_EXISTING);
        }
    }

    /** Opens it as a machine does. */
    BlockBackend open(Path folder) {
        ImageFile file = HostImageFile.open(folder.resolve(file()), false, file());
        return format.equals("raw") ? new RawImage(file, file()) : Qcow2Image.open(file, new BaseOpener(folder), null);
    }

    private record BaseOpener(Path folder) implements ImageOpener {
        @Override
        public ImageFile openFile(String reference, boolean readOnly) {
            return HostImageFile.open(folder.resolve(reference), readOnly, reference);
        }

        @Override
        public BlockBackend openBacking(String reference, @Nullable String formatName) {
            return new RawImage(openFile(reference, true), reference);
        }
    }
}
