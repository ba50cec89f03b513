// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import dev.isthmus.virtio.queue.ChainWriter;

/** Finds nodes and writes the answers that tell of them: what several kinds of requests have in common. Any thread. */
final class Replies {
    private final SharedFolder folder;
    private final NodeTable nodes;
    private final CachePolicy cache;

    Replies(SharedFolder folder, NodeTable nodes, CachePolicy cache) {
        this.folder = folder;
        this.nodes = nodes;
        this.cache = cache;
    }

    /**
     * Looks an entry up, counts that, and writes a {@code struct fuse_entry_out}, for which there must be room.
     *
     * @return 0, or a negated error number, with nothing written
     */
    long entry(FuseCall call, long directory, FileName name) {
        FileAttributes attributes = call.attributes();
        long handle = folder.lookup(directory, name, attributes);
        return handle < 0 ? handle : entryOf(call, handle);
    }

    /**
     * Counts the lookup of a node with the call's attributes and writes a {@code struct fuse_entry_out}.
     *
     * @param handle taken over, or closed
     * @return 0, or a negated error number, with nothing written
     */
    long entryOf(FuseCall call, long handle) {
        long id = nodes.enter(handle, call.attributes());
        if (id == 0) {
            return -FuseErrno.ENFILE;
        }
        ChainWriter writer = call.writer();
        writer.writeU64(id);
        // Numbers are never used again, so that a generation is not needed.
        writer.writeU64(0);
        writer.writeU64(cache.validSeconds());
        writer.writeU64(cache.validSeconds());
        writer.writeU64(0);
        call.attributes().writeTo(writer);
        return 0;
    }

    /** Writes a {@code struct fuse_entry_out} that tells nothing; there must be room for it. */
    static void noEntry(ChainWriter writer) {
        noEntry(writer, 0);
    }

    private static void noEntry(ChainWriter writer, long validSeconds) {
        writer.writeU64(0);
        writer.writeU64(0);
        writer.writeU64(validSeconds);
        for (int i = 3 * Long.BYTES; i < FuseProtocol.ENTRY_OUT_BYTES; i += Long.BYTES) {
            writer.writeU64(0);
        }
    }

    /** Answers a LOOKUP: also with there being nothing, where the client may rely on that for a while. */
    long answerLookup(FuseCall call, long directory, FileName name) {
        long result = entry(call, directory, name);
        if (result == -FuseErrno.ENOENT && cache.absentSeconds() > 0) {
            noEntry(call.writer(), cache.absentSeconds());
            return FuseProtocol.ENTRY_OUT_BYTES;
        }
        return result < 0 ? result : FuseProtocol.ENTRY_OUT_BYTES;
    }

    /** Answers a request for an entry that was found or made. */
    long answerEntry(FuseCall call, long directory, FileName name) {
        long result = entry(call, directory, name);
        return result < 0 ? result : FuseProtocol.ENTRY_OUT_BYTES;
    }

    /** Answers with a {@code struct fuse_attr_out}; there must be room for it. */
    long answerAttributes(FuseCall call, Node node) {
        long result = folder.attributes(node.handle, call.attributes());
        if (result < 0) {
            return result;
        }
        ChainWriter writer = call.writer();
        writer.writeU64(cache.validSeconds());
        writer.writeU64(0);
        call.attributes().writeTo(writer);
        return FuseProtocol.ATTR_OUT_BYTES;
    }
}
