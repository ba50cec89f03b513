// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.image;

import dev.isthmus.block.ImageFile;

/** A folder where images can be made. One thread at a time. */
public interface WritableFolder extends ImageFolder {
    /**
     * Makes an empty file, open for writing.
     *
     * @throws dev.isthmus.block.ImageException where there is one of that name, or it can't be made
     */
    ImageFile create(String name);

    /**
     * Has a file that {@link #create} made, and that is closed, be there for good. A folder may have it under another name
     * until then, and what it replaces under its own.
     *
     * @throws dev.isthmus.block.ImageException where that can't be; all is as before then
     */
    default void keep(String name) {}

    /** Removes a file; nothing where there is none. */
    void delete(String name);
}
