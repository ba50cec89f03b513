// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.ClusterCodec;
import dev.isthmus.block.ImageFormat;
import dev.isthmus.block.image.ImageChain;
import dev.isthmus.block.image.ImageInfo;
import dev.isthmus.block.qcow2.Qcow2Image;
import dev.isthmus.machine.DiskConfig;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.block.HostFileOptions;
import dev.isthmus.machine.block.ImageLocking;
import dev.isthmus.machine.block.ZstdClusterCodec;

/** What all subcommands of {@code isthmus image} need: their arguments, the host's images, and a way to print. Main thread. */
final class ImageWork {
    private static final ClusterCodec ZSTD = ZstdClusterCodec.INSTANCE;

    private final ImageVerb verb;
    private final Arguments arguments;
    private final ImageProgress progress;
    private final CommandFolder folder;

    ImageWork(ImageVerb verb, Arguments arguments, ImageProgress progress) {
        this.verb = verb;
        this.arguments = arguments;
        this.progress = progress;
        boolean share = arguments.has(ImageOptions.FORCE_SHARE);
        if (share && arguments.has(ImageOptions.FORCE)) {
            throw usage("--force and --force-share exclude each other", "Leave one of them out.");
        }
        this.folder = new CommandFolder(
                HostFileOptions.DEFAULT.withLocking(share ? ImageLocking.OFF : ImageLocking.AUTO),
                arguments.has(ImageOptions.FORCE));
        progress.removeFrom(folder);
    }

    VmException usage(String message, String remedy) {
        return new VmException.Configuration("image " + verb.verbName() + ": " + message, remedy);
    }

    CommandFolder folder() {
        return folder;
    }

    ClusterCodec zstd() {
        return ZSTD;
    }

    ImageProgress progress() {
        return progress;
    }

    boolean has(CommandOption option) {
        return arguments.has(option);
    }

    @Nullable String value(CommandOption option) {
        return arguments.value(option);
    }

    List<String> values(CommandOption option) {
        return arguments.values(option);
    }

    /** Returns what is no option; there must be as many as are said. */
    List<String> operands(int atLeast, int atMost) {
        List<String> operands = arguments.operands();
        if (operands.size() < atLeast || operands.size() > atMost) {
            throw usage(
                    operands.size() < atLeast ? "an operand is missing" : "there are too many operands",
                    "Usage: isthmus image " + verb.synopsis());
        }
        return operands;
    }

    /** Returns the one operand, an image. */
    String image() {
        return operands(1, 1).getFirst();
    }

    /** Returns a format that was given, or null. */
    @Nullable ImageFormat format(CommandOption option) {
        String text = value(option);
        if (text == null) {
            return null;
        }
        ImageFormat format = ImageFormat.ofName(text);
        if (format == null) {
            throw usage("unknown format '" + text + "'", DiskConfig.KNOWN_FORMATS);
        }
        return format;
    }

    /** Returns the format of a new image. */
    ImageFormat newFormat(CommandOption option) {
        ImageFormat format = format(option);
        if (format == null) {
            return ImageFormat.RAW;
        }
        if (format != ImageFormat.RAW && format != ImageFormat.QCOW2) {
            throw usage("images of the format " + format.formatName() + " can't be made", "Choose raw or qcow2.");
        }
        return format;
    }

    /** Opens an image. */
    BlockBackend open(String name, @Nullable ImageFormat format, boolean readOnly, ImageChain.Bases bases) {
        return ImageChain.open(folder, name, format, readOnly, ZSTD, bases);
    }

    /** Opens an image that has to be a qcow2 one; what else it could be is not asked. */
    Qcow2Image openQcow2(String name, boolean readOnly, ImageChain.Bases bases) {
        BlockBackend disk = open(name, ImageFormat.QCOW2, readOnly, bases);
        if (disk instanceof Qcow2Image image) {
            return image;
        }
        throw new IllegalStateException(name);
    }

    /** Prints a result to standard output. */
    void print(String text) {
        progress.finish();
        StandardOutput.print(text);
    }

    /** Where JSON was asked for, prints what an image is now, as {@code isthmus image info} does. */
    void printChanged(String name, @Nullable ImageFormat format) {
        if (has(ImageOptions.JSON)) {
            print(ImageInfoCommand.json(List.of(ImageInfo.read(folder, name, format, ZSTD)), false));
        }
    }
}
