// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import java.util.HashMap;
import java.util.Map;

import dev.isthmus.block.ImageException;
import dev.isthmus.block.ImageFile;
import dev.isthmus.testing.block.MemoryImageFile;

/** A folder of images in memory. */
final class MemoryFolder implements WritableFolder {
    private final Map<String, MemoryImageFile> files = new HashMap<>();

    /** What files that are made from now on may hold. */
    long roomBytes = Integer.MAX_VALUE;

    void put(String name, byte[] contents) {
        files.put(name, new MemoryImageFile(name, contents, false));
    }

    boolean has(String name) {
        return files.containsKey(name);
    }

    byte[] contents(String name) {
        return file(name).contents();
    }

    MemoryImageFile file(String name) {
        MemoryImageFile file = files.get(name);
        if (file == null) {
            throw new ImageException("There is no " + name + ".", "");
        }
        return file;
    }

    @Override
    public ImageFile open(String name, boolean readOnly) {
        MemoryImageFile file = file(name);
        return readOnly ? new MemoryImageFile(name, file.contents(), true) : file;
    }

    @Override
    public ImageFile create(String name) {
        if (has(name)) {
            throw new ImageException(name + " is there already.", "Choose another name.");
        }
        put(name, new byte[0]);
        file(name).limitTo(roomBytes);
        return file(name);
    }

    @Override
    public void delete(String name) {
        files.remove(name);
    }

    @Override
    public String resolve(String imageName, String reference) {
        return reference;
    }
}
