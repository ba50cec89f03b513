// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;

import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.image.ImageInfo;
import dev.isthmus.block.qcow2.Qcow2Info;
import dev.isthmus.block.qcow2.Qcow2Snapshot;

/** {@code isthmus image info}: in text, and in JSON with the fields of 'qemu-img info --output=json'. */
final class ImageInfoCommand {
    private static final long NANOS_PER_SECOND = 1_000_000_000;
    private static final DateTimeFormatter DATE =
            DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT).withZone(ZoneId.systemDefault());

    private ImageInfoCommand() {}

    static int run(ImageWork work) {
        String name = work.image();
        ImageFormat format = work.format(ImageOptions.FORMAT);
        boolean wholeChain = work.has(ImageOptions.BACKING_CHAIN);
        List<ImageInfo> chain = wholeChain
                ? ImageInfo.readChain(work.folder(), name, format, work.zstd())
                : List.of(ImageInfo.read(work.folder(), name, format, work.zstd()));
        work.print(work.has(ImageOptions.JSON) ? json(chain, wholeChain) : text(chain));
        return ExitStatus.OK;
    }

    static String json(List<ImageInfo> chain, boolean asArray) {
        JsonText json = new JsonText();
        if (asArray) {
            json.beginArray();
        }
        for (ImageInfo info : chain) {
            json(json, info);
        }
        if (asArray) {
            json.endArray();
        }
        return json.toString();
    }

    private static void json(JsonText json, ImageInfo info) {
        json.beginObject();
        json.field("filename", info.name());
        json.field("format", info.format().formatName());
        json.field("virtual-size", info.capacityBytes());
        json.field("actual-size", info.allocatedBytes());
        if (info.clusterBytes() > 0) {
            json.field("cluster-size", info.clusterBytes());
        }
        Qcow2Info qcow2 = info.qcow2();
        json.field("dirty-flag", qcow2 != null && qcow2.dirty());
        if (qcow2 != null) {
            qcow2(json, info, qcow2);
        }
        String vmdkType = info.vmdkType();
        if (vmdkType != null) {
            json.beginObject("format-specific").field("type", "vmdk");
            json.beginObject("data").field("create-type", vmdkType).endObject().endObject();
        }
        json.endObject();
    }

    private static void qcow2(JsonText json, ImageInfo info, Qcow2Info qcow2) {
        String backing = qcow2.backingName();
        if (backing != null) {
            json.field("backing-filename", backing);
            json.field("full-backing-filename", String.valueOf(info.baseName()));
        }
        String backingFormat = qcow2.backingFormat();
        if (backing != null && backingFormat != null) {
            json.field("backing-filename-format", backingFormat);
        }
        if (!info.snapshots().isEmpty()) {
            snapshots(json, info.snapshots());
        }
        json.beginObject("format-specific").field("type", "qcow2").beginObject("data");
        json.field("compat", compat(qcow2));
        json.field("compression-type", qcow2.zstd() ? "zstd" : "zlib");
        if (qcow2.version() >= 3) {
            json.field("lazy-refcounts", qcow2.lazyRefcounts());
        }
        json.field("refcount-bits", qcow2.refcountBits());
        String dataFile = qcow2.dataFileName();
        if (dataFile != null) {
            json.field("data-file", dataFile).field("data-file-raw", qcow2.dataFileRaw());
        }
        if (qcow2.version() >= 3) {
            json.field("corrupt", qcow2.corrupt()).field("extended-l2", false);
        }
        json.endObject().endObject();
    }

    private static String compat(Qcow2Info qcow2) {
        return qcow2.version() >= 3 ? "1.1" : "0.10";
    }

    /** Writes a member "snapshots". */
    static void snapshots(JsonText json, List<Qcow2Snapshot> snapshots) {
        json.beginArray("snapshots");
        for (Qcow2Snapshot snapshot : snapshots) {
            json.beginObject().field("id", snapshot.id()).field("name", snapshot.name());
            json.field("vm-state-size", snapshot.vmStateBytes());
            json.field("date-sec", Integer.toUnsignedLong(snapshot.dateSeconds()));
            json.field("date-nsec", snapshot.dateNanos());
            json.field("vm-clock-sec", snapshot.vmClockNanos() / NANOS_PER_SECOND);
            json.field("vm-clock-nsec", snapshot.vmClockNanos() % NANOS_PER_SECOND);
            if (snapshot.icount() >= 0) {
                json.field("icount", snapshot.icount());
            }
            json.endObject();
        }
        json.endArray();
    }

    private static String text(List<ImageInfo> chain) {
        StringBuilder text = new StringBuilder();
        for (ImageInfo info : chain) {
            if (!text.isEmpty()) {
                text.append('\n');
            }
            text(text, info);
        }
        return text.toString();
    }

    private static void text(StringBuilder text, ImageInfo info) {
        line(text, "image", info.name());
        line(text, "file format", info.format().formatName());
        line(text, "virtual size", ImageSize.format(info.capacityBytes()) + " (" + info.capacityBytes() + " bytes)");
        line(text, "disk size", ImageSize.format(info.allocatedBytes()));
        if (info.clusterBytes() > 0) {
            line(text, "cluster_size", String.valueOf(info.clusterBytes()));
        }
        String vmdkType = info.vmdkType();
        if (vmdkType != null) {
            line(text, "create type", vmdkType);
        }
        Qcow2Info qcow2 = info.qcow2();
        if (qcow2 == null) {
            return;
        }
        String backing = qcow2.backingName();
        if (backing != null) {
            String actual = backing.equals(info.baseName()) ? "" : " (actual path: " + info.baseName() + ")";
            line(text, "backing file", backing + actual);
        }
        String backingFormat = qcow2.backingFormat();
        if (backingFormat != null) {
            line(text, "backing file format", backingFormat);
        }
        if (!info.snapshots().isEmpty()) {
            text.append(snapshotTable(info.snapshots()));
        }
        text.append("Format specific information:\n");
        line(text, "    compat", compat(qcow2));
        line(text, "    compression type", qcow2.zstd() ? "zstd" : "zlib");
        line(text, "    lazy refcounts", String.valueOf(qcow2.lazyRefcounts()));
        line(text, "    refcount bits", String.valueOf(qcow2.refcountBits()));
        String dataFile = qcow2.dataFileName();
        if (dataFile != null) {
            line(text, "    data file", dataFile);
            line(text, "    data file raw", String.valueOf(qcow2.dataFileRaw()));
        }
        line(text, "    dirty", String.valueOf(qcow2.dirty()));
        line(text, "    corrupt", String.valueOf(qcow2.corrupt()));
    }

    private static void line(StringBuilder text, String name, String value) {
        text.append(name).append(": ").append(value).append('\n');
    }

    static String snapshotTable(List<Qcow2Snapshot> snapshots) {
        StringBuilder text = new StringBuilder("Snapshot list:\n");
        text.append(String.format(Locale.ROOT, "%-7s %-16s %10s %20s%n", "ID", "TAG", "VM SIZE", "DATE"));
        for (Qcow2Snapshot snapshot : snapshots) {
            Instant date = Instant.ofEpochSecond(Integer.toUnsignedLong(snapshot.dateSeconds()));
            text.append(String.format(
                    Locale.ROOT,
                    "%-7s %-16s %10s %20s%n",
                    snapshot.id(),
                    snapshot.name(),
                    ImageSize.format(snapshot.vmStateBytes()),
                    DATE.format(date)));
        }
        return text.toString();
    }
}
