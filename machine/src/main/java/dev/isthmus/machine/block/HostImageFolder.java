// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

import org.slf4j.LoggerFactory;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.image.WritableFolder;
import dev.isthmus.machine.VmException;

/**
 * Images in the host's file system. Names are paths; those in images are relative to the folder of the image under the
 * name that it was opened by, as QEMU has it, and not to where a symbolic link leads.
 *
 * <p>QEMU also takes names for instructions how to open something ({@code json:}, {@code nbd:}, any text with a colon
 * before the first slash). An image is not trusted with those: all but {@code file:} are refused.
 */
public final class HostImageFolder implements WritableFolder {
    private static final String FILE_PROTOCOL = "file:";

    private final HostFileOptions options;

    /** Makes one whose files are all opened alike. */
    public HostImageFolder(HostFileOptions options) {
        this.options = options;
    }

    /**
     * {@inheritDoc}
     *
     * @throws VmException.HostFault where the host has no more files to open
     */
    @Override
    public ImageFile open(String name, boolean readOnly) {
        try {
            return HostImageFile.open(Path.of(name), readOnly, name, options);
        } catch (VmException.Configuration e) {
            throw new ImageException(String.valueOf(e.getMessage()), e.remedy(), e);
        }
    }

    @Override
    public ImageFile create(String name) {
        try {
            return HostImageFile.create(Path.of(name), name, options);
        } catch (VmException.Configuration e) {
            throw new ImageException(String.valueOf(e.getMessage()), e.remedy(), e);
        }
    }

    @Override
    public void delete(String name) {
        try {
            Files.deleteIfExists(Path.of(name));
        } catch (IOException e) {
            LoggerFactory.getLogger(HostImageFolder.class).warn("Can't remove {}: {}", name, e.toString());
        }
    }

    @Override
    public String resolve(String imageName, String reference) {
        String name = reference;
        if (reference.startsWith(FILE_PROTOCOL)) {
            name = reference.substring(FILE_PROTOCOL.length());
        } else if (hasProtocol(reference)) {
            throw new ImageException(
                    imageName + " names '" + reference + "', which is no path of a file.",
                    "Name a file with 'isthmus image rebase -u'.");
        }
        try {
            return Path.of(imageName).resolveSibling(name).toString();
        } catch (InvalidPathException e) {
            throw new ImageException(
                    imageName + " names '" + reference + "', which is no path: " + e.getReason() + ".",
                    "Name a file with 'isthmus image rebase -u'.",
                    e);
        }
    }

    /** As QEMU's path_has_protocol: a colon before the first slash. */
    private static boolean hasProtocol(String reference) {
        int colon = reference.indexOf(':');
        int slash = reference.indexOf('/');
        return colon >= 0 && (slash < 0 || colon < slash);
    }

    @Override
    public String identity(String name) {
        try {
            return Path.of(name).toRealPath().toString();
        } catch (IOException e) {
            // Opening it will tell.
            return name;
        }
    }
}
