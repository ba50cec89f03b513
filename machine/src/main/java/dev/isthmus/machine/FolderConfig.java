// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.nio.file.Path;

import org.jspecify.annotations.Nullable;

import dev.isthmus.fuse.CachePolicy;
import dev.isthmus.machine.fs.FolderOwnership;

/**
 * A folder of the host that the guest mounts (virtio-fs): {@code FolderConfig.of(path, "data").withReadOnly(true)}. The
 * guest reaches nothing outside of it.
 *
 * @param path the folder
 * @param tag what the guest mounts: 1 to 36 bytes of UTF-8
 * @param readOnly whether the guest can change nothing
 * @param ownership who owns the files, on the host and as the guest sees it
 * @param cache how long the guest relies on what it has read
 * @param queues request queues, 1 to 63
 * @param packed whether the guest may choose packed queues
 * @param id what logs and errors call it, or null for a name by its position
 */
public record FolderConfig(
        Path path,
        String tag,
        boolean readOnly,
        FolderOwnership ownership,
        CachePolicy cache,
        int queues,
        boolean packed,
        @Nullable String id)
        implements DeviceConfig {

    /**
     * Makes a folder that the guest can write to, whose files belong to the guest's root, and to whoever runs the machine
     * on the host.
     */
    public static FolderConfig of(Path path, String tag) {
        return new FolderConfig(path, tag, false, FolderOwnership.ROOT, CachePolicy.AUTO, 1, false, null);
    }

    /** Says whether the guest can only read. */
    public FolderConfig withReadOnly(boolean newReadOnly) {
        return new FolderConfig(path, tag, newReadOnly, ownership, cache, queues, packed, id);
    }

    /** Says who owns the files; {@link FolderOwnership#ROOT} where not called. */
    public FolderConfig withOwnership(FolderOwnership newOwnership) {
        return new FolderConfig(path, tag, readOnly, newOwnership, cache, queues, packed, id);
    }

    /** Says how long the guest relies on what it has read; {@link CachePolicy#AUTO} where not called. */
    public FolderConfig withCache(CachePolicy newCache) {
        return new FolderConfig(path, tag, readOnly, ownership, newCache, queues, packed, id);
    }

    /** Sets the number of request queues; one where not called. */
    public FolderConfig withQueues(int newQueues) {
        return new FolderConfig(path, tag, readOnly, ownership, cache, newQueues, packed, id);
    }

    /** Says whether the guest may choose packed queues; it may not where not called. */
    public FolderConfig withPacked(boolean newPacked) {
        return new FolderConfig(path, tag, readOnly, ownership, cache, queues, newPacked, id);
    }

    /** Names the folder for logs and errors; null for a name by its position. */
    public FolderConfig withId(@Nullable String newId) {
        return new FolderConfig(path, tag, readOnly, ownership, cache, queues, packed, newId);
    }

    @Override
    public String kind() {
        return "folder";
    }
}
