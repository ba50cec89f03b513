// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.ForwardingImageFile;
import dev.isthmus.block.ImageFile;
import dev.isthmus.block.image.WritableFolder;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.block.HostFileOptions;
import dev.isthmus.machine.block.HostImageFile;
import dev.isthmus.machine.block.HostImageFolder;

/**
 * The host's images as one command sees them. A file that is there is replaced only where that was allowed, and only by
 * a whole one: the new one is made under another name in the same folder, and takes its place when it is kept. What the
 * command has opened is not replaced at all: it may be what the new image is to be based on.
 *
 * <p>Main thread, but for {@link #removeMade}.
 */
final class CommandFolder implements WritableFolder {
    private final HostFileOptions options;
    private final HostImageFolder folder;
    private final boolean replace;

    /** Files that were opened, by what the file system knows them by. */
    private final Set<Object> opened = new HashSet<>();

    /** What was made and is not kept yet, by its name. */
    private final Map<String, Made> made = new ConcurrentHashMap<>();

    /**
     * A file that was made.
     *
     * @param path where it is now
     * @param place where it is to be
     * @param old what it is to replace, with its lock; null for nothing
     */
    private record Made(Path path, Path place, @Nullable HostImageFile old) {}

    /** @param replace whether files that are there may be replaced */
    CommandFolder(HostFileOptions options, boolean replace) {
        this.options = options;
        this.folder = new HostImageFolder(options);
        this.replace = replace;
    }

    @Override
    public ImageFile open(String name, boolean readOnly) {
        Made unfinished = made.get(name);
        if (unfinished != null && unfinished.old() != null) {
            return new NamedFile(HostImageFile.open(unfinished.path(), readOnly, name, options), name);
        }
        Path path = UserPath.of(name);
        ImageFile file = folder.open(name, readOnly);
        if (unfinished == null) {
            Object key = key(path);
            if (key != null) {
                opened.add(key);
            }
        }
        return file;
    }

    @Override
    public ImageFile create(String name) {
        Path path = UserPath.of(name);
        refuseMadeOrOpened(name, path);
        if (replace && Files.exists(path)) {
            return createBeside(name, path);
        }
        if (replace && Files.isSymbolicLink(path)) {
            throw new VmException.Configuration(
                    name + " is a link to a file that is not there.", "Remove it, or choose another name.");
        }
        ImageFile file = folder.create(name);
        made.put(name, new Made(path, path, null));
        return file;
    }

    private void refuseMadeOrOpened(String name, Path path) {
        String identity = identity(name);
        for (String other : made.keySet()) {
            if (identity(other).equals(identity)) {
                throw new VmException.Configuration(name + " can't be an image and its data file.", "Choose another name.");
            }
        }
        Object key = key(path);
        if (key != null && opened.contains(key)) {
            throw new VmException.Configuration(
                    name + " is in use: the new image is to be based on it, or made of it.", "Choose another name.");
        }
    }

    private ImageFile createBeside(String name, Path path) {
        if (!Files.isRegularFile(path)) {
            throw new VmException.Configuration(
                    name + " is not a regular file, and can't be replaced by one.", "Choose another name.");
        }
        Path place = realPath(path);
        // Its lock tells whether it is in use, and keeps others away until it is replaced.
        HostImageFile old = HostImageFile.open(place, false, name, options);
        Path beside = place.resolveSibling(".isthmus-" + ProcessHandle.current().pid() + "-" + made.size() + ".tmp");
        try {
            HostImageFile file = HostImageFile.create(beside, name, options);
            made.put(name, new Made(beside, place, old));
            copyPermissions(place, beside);
            return new NamedFile(file, name);
        } catch (VmException.Configuration e) {
            throw new VmException.Configuration(
                    "Can't make what is to replace " + name + ": " + e.getMessage(), "It has to be made in the same folder.", e);
        } finally {
            if (!made.containsKey(name)) {
                old.close();
            }
        }
    }

    /** Who could not read the old file can't read the new one. */
    private static void copyPermissions(Path from, Path to) {
        try {
            Files.setPosixFilePermissions(to, Files.getPosixFilePermissions(from));
        } catch (UnsupportedOperationException | IOException e) {
            // A file system without permissions.
        }
    }

    private static Path realPath(Path path) {
        try {
            return path.toRealPath();
        } catch (IOException e) {
            throw new VmException.Configuration("Can't find " + path + ": " + reason(e) + ".", "Check the path.", e);
        }
    }

    /** What the file system knows a file by, under all of its names; null where there is none. */
    private static @Nullable Object key(Path path) {
        try {
            return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
        } catch (IOException e) {
            return null;
        }
    }

    private static String reason(IOException e) {
        String reason = e instanceof FileSystemException known ? known.getReason() : e.getMessage();
        return Objects.requireNonNullElse(reason, e.getClass().getSimpleName());
    }

    @Override
    public void keep(String name) {
        Made finished = made.get(name);
        if (finished == null) {
            return;
        }
        HostImageFile old = finished.old();
        if (old != null) {
            try {
                makeStable(finished.path());
                Files.move(finished.path(), finished.place(), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } catch (IOException e) {
                throw new VmException.HostFault(
                        "Can't replace " + name + ": " + reason(e) + ".", "The old file is as it was.", e);
            }
            old.close();
        }
        made.remove(name);
    }

    /** A crash of the host leaves the old file or the new one, not the new one's name without its contents. */
    private static void makeStable(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
    }

    @Override
    public void delete(String name) {
        Made unfinished = made.remove(name);
        if (unfinished == null) {
            folder.delete(name);
            return;
        }
        folder.delete(unfinished.path().toString());
        HostImageFile old = unfinished.old();
        if (old != null) {
            old.close();
        }
    }

    /** Removes what is not kept: the process is about to end. Any thread. */
    void removeMade() {
        for (Made unfinished : made.values()) {
            folder.delete(unfinished.path().toString());
        }
    }

    @Override
    public String resolve(String imageName, String reference) {
        Path _ = UserPath.of(imageName);
        return folder.resolve(imageName, reference);
    }

    @Override
    public String identity(String name) {
        return folder.identity(name);
    }

    /** A file that messages call by the name that it will have. */
    private static final class NamedFile extends ForwardingImageFile {
        private final String name;

        NamedFile(ImageFile file, String name) {
            super(file);
            this.name = name;
        }

        @Override
        public String name() {
            return name;
        }
    }
}
