// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** The subcommands of {@code isthmus image}: what the help says of each. */
enum ImageVerb {
    CREATE(
            "create [OPTION]... FILE [SIZE]",
            "Makes an empty image, or one that is based on another image.",
            "The new image, and the size of its disk (512M, 20G; a plain number counts bytes); with -b, the base's size"
                    + " where not given.",
            ImageOptions.FORMAT_OF_NEW, ImageOptions.OPTIONS, ImageOptions.BACKING, ImageOptions.BACKING_FORMAT,
            ImageOptions.FORCE, ImageOptions.PROGRESS),
    INFO(
            "info [OPTION]... FILE",
            "Tells what an image is: format, sizes, base, snapshots.",
            "The image.",
            ImageOptions.FORMAT, ImageOptions.BACKING_CHAIN, ImageOptions.FORCE_SHARE),
    CHECK(
            "check [OPTION]... FILE",
            "Checks a qcow2 image for damage, and repairs it where asked to.",
            "The image.",
            ImageOptions.FORMAT, ImageOptions.REPAIR, ImageOptions.FORCE_SHARE, ImageOptions.PROGRESS),
    CONVERT(
            "convert [OPTION]... FILE NEW",
            "Copies the disk of an image, with all that it is based on, into a new image. As qemu-img does, it ends when all"
                    + " is written, and leaves it to the host when that reaches its storage.",
            "The image, and the new one.",
            ImageOptions.FORMAT, ImageOptions.OUTPUT_FORMAT, ImageOptions.OPTIONS, ImageOptions.COMPRESS,
            ImageOptions.NEW_BACKING, ImageOptions.BACKING_FORMAT, ImageOptions.SPARSE, ImageOptions.FORCE,
            ImageOptions.FORCE_SHARE, ImageOptions.PROGRESS),
    SNAPSHOT(
            "snapshot -l|-c NAME|-a NAME|-d NAME FILE",
            "Lists, takes, applies or deletes the internal snapshots of a qcow2 image.",
            "The image.",
            ImageOptions.LIST, ImageOptions.TAKE, ImageOptions.APPLY, ImageOptions.DELETE, ImageOptions.FORCE_SHARE),
    RESIZE(
            "resize [OPTION]... FILE [+|-]SIZE",
            "Changes the size of a disk; what is added reads as zeroes.",
            "The image, and the new size (512M, 20G; a plain number counts bytes) or the difference.",
            ImageOptions.FORMAT, ImageOptions.SHRINK),
    REBASE(
            "rebase -b BASE [OPTION]... FILE",
            "Has a qcow2 image be based on another one; the disk reads as before.",
            "The image.",
            ImageOptions.REBASE_BACKING, ImageOptions.BACKING_FORMAT, ImageOptions.UNSAFE, ImageOptions.PROGRESS),
    COMMIT(
            "commit [OPTION]... FILE",
            "Writes what a qcow2 image has over its base into the base.",
            "The image.",
            ImageOptions.KEEP, ImageOptions.PROGRESS);

    private final String synopsis;
    private final String description;
    private final String operands;
    @SuppressWarnings("ImmutableEnumChecker") // Nobody changes it.
    private final CommandOption[] options;

    ImageVerb(String synopsis, String description, String operands, CommandOption... options) {
        this.synopsis = synopsis;
        this.description = description;
        this.operands = operands;
        this.options = new CommandOption[options.length + 2];
        System.arraycopy(options, 0, this.options, 0, options.length);
        this.options[options.length] = ImageOptions.JSON;
        this.options[options.length + 1] = CommandOptions.VERBOSE;
    }

    /** Returns the one of a command such as {@code "image create"}. */
    static ImageVerb of(String command) {
        for (ImageVerb verb : values()) {
            if (command.equals(ImageCommand.NAME + " " + verb.verbName())) {
                return verb;
            }
        }
        throw new IllegalArgumentException(command);
    }

    String verbName() {
        return name().toLowerCase(Locale.ROOT);
    }

    String synopsis() {
        return synopsis;
    }

    String description() {
        return description;
    }

    String operands() {
        return operands;
    }

    CommandOption[] options() {
        return options;
    }

    /** The table for the help, which the README repeats. */
    static Map<String, String> exitStatuses() {
        Map<String, String> table = new LinkedHashMap<>();
        table.put("0", "done; with check, the image is sound");
        table.put("2", "wrong usage, or an image that can't be used so");
        table.put("6", "a host error (disk, no space)");
        table.put("8", "a fault of Isthmus itself");
        table.put("40", "check: the image is damaged");
        table.put("42", "check: clusters are leaked, nothing else is wrong");
        table.put("44", "check: it could not be completed");
        table.put("46", "check: images of this format can't be checked");
        table.put("129, 130, 143", "ended by SIGHUP, SIGINT, SIGTERM; a new image is removed, and what it was to replace stays");
        return table;
    }
}
