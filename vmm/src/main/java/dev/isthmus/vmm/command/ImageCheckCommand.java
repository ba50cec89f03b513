// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.Locale;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.ImageFile;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.image.ImageFormats;
import dev.isthmus.block.qcow2.Qcow2CheckResult;
import dev.isthmus.block.qcow2.Qcow2Checker;

/** {@code isthmus image check}. */
final class ImageCheckCommand {
    private ImageCheckCommand() {}

    static int run(ImageWork work) {
        String name = work.image();
        Qcow2Checker.Repair repair = repair(work);
        if (repair != Qcow2Checker.Repair.NONE && work.has(ImageOptions.FORCE_SHARE)) {
            throw work.usage("an image that others use can't be repaired", "Leave --repair or --force-share out.");
        }
        try (ImageFile file = work.folder().open(name, repair == Qcow2Checker.Repair.NONE)) {
            ImageFormat given = work.format(ImageOptions.FORMAT);
            ImageFormat format = given == null ? ImageFormats.probe(file) : given;
            if (format != ImageFormat.QCOW2) {
                work.progress().finish();
                Messages.line(name + " is a " + format.formatName() + " image, which can't be checked.");
                return ExitStatus.CHECK_UNSUPPORTED;
            }
            Qcow2CheckResult result = Qcow2Checker.check(file, repair, work.progress());
            if (result.repaired()) {
                // As qemu-img does: what was damaged may have hidden more.
                result = result.checkedAgain(Qcow2Checker.check(file, Qcow2Checker.Repair.NONE, work.progress()));
            }
            work.print(work.has(ImageOptions.JSON) ? json(result, name) : text(result));
            return status(result);
        }
    }

    private static Qcow2Checker.Repair repair(ImageWork work) {
        String text = work.value(ImageOptions.REPAIR);
        if (text == null) {
            return Qcow2Checker.Repair.NONE;
        }
        return switch (text) {
            case "leaks" -> Qcow2Checker.Repair.LEAKS;
            case "all" -> Qcow2Checker.Repair.ALL;
            default -> throw work.usage("unknown repair '" + text + "'", "Known: leaks, all.");
        };
    }

    static int status(Qcow2CheckResult result) {
        if (result.checkErrors() > 0) {
            return ExitStatus.CHECK_INCOMPLETE;
        }
        if (result.corruptions() > 0) {
            return ExitStatus.CHECK_CORRUPT;
        }
        return result.leaks() > 0 ? ExitStatus.CHECK_LEAKS : ExitStatus.OK;
    }

    /** The fields of 'qemu-img check --output=json': those that would be 0 are left out, but for the first three. */
    static String json(Qcow2CheckResult result, String name) {
        JsonText json = new JsonText().beginObject();
        json.field("image-end-offset", result.imageEndOffset());
        json.field("total-clusters", result.totalClusters());
        json.field("check-errors", result.checkErrors());
        unlessZero(json, "allocated-clusters", result.allocatedClusters());
        unlessZero(json, "compressed-clusters", result.compressedClusters());
        unlessZero(json, "fragmented-clusters", result.fragmentedClusters());
        unlessZero(json, "corruptions", result.corruptions());
        unlessZero(json, "leaks", result.leaks());
        unlessZero(json, "corruptions-fixed", result.corruptionsFixed());
        unlessZero(json, "leaks-fixed", result.leaksFixed());
        return json.field("filename", name).field("format", "qcow2").endObject().toString();
    }

    private static void unlessZero(JsonText json, String name, long value) {
        if (value != 0) {
            json.field(name, value);
        }
    }

    private static String text(Qcow2CheckResult result) {
        StringBuilder text = new StringBuilder();
        for (String finding : result.findings()) {
            text.append(finding).append('\n');
        }
        if (result.corruptionsFixed() + result.leaksFixed() > 0) {
            text.append(result.leaksFixed()).append(" leaked clusters and ");
            text.append(result.corruptionsFixed()).append(" corruptions were repaired.\n");
        }
        line(text, result.corruptions(), " errors were found on the image; data may be damaged.");
        line(text, result.leaks(), " leaked clusters were found: they take space, and do no other harm.");
        line(text, result.checkErrors(), " errors kept the check from being complete.");
        if (result.clean()) {
            text.append("No errors were found on the image.\n");
        }
        if (result.totalClusters() > 0 && result.allocatedClusters() > 0) {
            text.append(String.format(
                    Locale.ROOT,
                    "%d/%d = %.2f%% allocated, %.2f%% fragmented, %.2f%% compressed clusters%n",
                    result.allocatedClusters(),
                    result.totalClusters(),
                    100.0 * result.allocatedClusters() / result.totalClusters(),
                    100.0 * result.fragmentedClusters() / result.allocatedClusters(),
                    100.0 * result.compressedClusters() / result.allocatedClusters()));
        }
        return text.append("Image end offset: ").append(result.imageEndOffset()).append('\n').toString();
    }

    private static void line(StringBuilder text, long count, @Nullable String what) {
        if (count > 0) {
            text.append(count).append(what).append('\n');
        }
    }
}
