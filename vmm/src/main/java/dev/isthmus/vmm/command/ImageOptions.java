// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

/** The options of {@code isthmus image}, named as qemu-img names them where they mean the same. */
final class ImageOptions {
    private static final String FORMATS = "raw, qcow2, vmdk, vdi or vhdx";

    static final CommandOption FORMAT = CommandOption.text("--format", "FORMAT",
            "The format of the image: " + FORMATS + "; found out where not given.").orShort("-f");
    static final CommandOption FORMAT_OF_NEW = CommandOption.text("--format", "FORMAT",
            "The format of the new image, raw or qcow2; raw where not given.").orShort("-f");
    static final CommandOption OUTPUT_FORMAT = CommandOption.text("--output-format", "FORMAT",
            "The format of the new image, raw or qcow2; raw where not given.").orShort("-O");
    static final CommandOption OPTIONS = CommandOption.repeatableText("--options", "KEY=VALUE[,...]",
            "How the new image is to be. qcow2: cluster_size=SIZE, compat=0.10|1.1, lazy_refcounts=on, refcount_bits=N,"
                    + " compression_type=zlib|zstd, data_file=FILE, data_file_raw=on,"
                    + " preallocation=off|metadata|falloc|full. raw: preallocation=off|falloc|full.").orShort("-o");
    static final CommandOption BACKING = CommandOption.file("--backing", "FILE",
            "The image that the new one is based on, relative to the new one's folder.").orShort("-b");
    static final CommandOption NEW_BACKING = CommandOption.file("--backing", "FILE",
            "An image that the new one is to be based on, relative to the new one's folder: only what differs from it is"
                    + " copied.").orShort("-B");
    static final CommandOption REBASE_BACKING = CommandOption.file("--backing", "FILE",
            "The new base, relative to the image's folder; an empty text for none.").orShort("-b");
    static final CommandOption BACKING_FORMAT = CommandOption.text("--backing-format", "FORMAT",
            "The format of the base. It need not be given where it can be told by the file, which raw can't.").orShort("-F");
    static final CommandOption FORCE = CommandOption.flag("--force",
            "Replace a file that is there, once the new one is whole.");
    static final CommandOption FORCE_SHARE = CommandOption.flag("--force-share",
            "Read an image that another process may be writing; what is read may then contradict itself.").orShort("-U");
    static final CommandOption BACKING_CHAIN = CommandOption.flag("--backing-chain",
            "Tell of all images that it is based on, too.");
    static final CommandOption REPAIR = CommandOption.text("--repair", "leaks|all",
            "Repair leaked clusters, or everything that can be.").orShort("-r");
    static final CommandOption COMPRESS = CommandOption.flag("--compress",
            "Compress the clusters of the new image.").orShort("-c");
    static final CommandOption SPARSE = CommandOption.text("--sparse", "SIZE",
            "The smallest run of zeroes that becomes a hole, a power of 2 from 512 up to 2M; 4k where not given, 0 for"
                    + " none at all.").orShort("-S");
    static final CommandOption LIST = CommandOption.flag("--list", "List the snapshots.").orShort("-l");
    static final CommandOption TAKE = CommandOption.text("--create", "NAME", "Take one of this name.").orShort("-c");
    static final CommandOption APPLY = CommandOption.text("--apply", "NAME",
            "Have the disk be as it was then; what it was since is lost.").orShort("-a");
    static final CommandOption DELETE = CommandOption.text("--delete", "NAME", "Delete it.").orShort("-d");
    static final CommandOption SHRINK = CommandOption.flag("--shrink",
            "Allow the disk to become smaller: what is cut off is lost.");
    static final CommandOption UNSAFE = CommandOption.flag("--unsafe",
            "Change the name alone: the disk reads as before only if the new base has the same contents.").orShort("-u");
    static final CommandOption KEEP = CommandOption.flag("--keep",
            "Leave the image as it is; otherwise it is emptied.").orShort("-d");
    static final CommandOption PROGRESS = CommandOption.flag("--progress",
            "Show how far it is, on standard error; so it is in a terminal anyway.").orShort("-p");
    static final CommandOption JSON = CommandOption.flag("--json",
            "Print the result as JSON.");

    private ImageOptions() {}
}
