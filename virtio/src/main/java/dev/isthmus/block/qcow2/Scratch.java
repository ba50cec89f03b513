// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.zip.Inflater;

import org.jspecify.annotations.Nullable;

import dev.isthmus.memory.ScatterList;

/** What one operation needs while it runs; reused, so that operations allocate nothing. One thread at a time. */
final class Scratch {
    private final ImageState image;
    final Run run = new Run();
    final WritePiece piece = new WritePiece();
    final AllocatingWrites.Span span = new AllocatingWrites.Span();

    /** A piece of the caller's memory. */
    final ScatterList slice = new ScatterList();

    /** What goes to the file at once. */
    final ScatterList transfer = new ScatterList();

    private @Nullable MemorySegment headBuffer;
    private @Nullable MemorySegment tailBuffer;
    private @Nullable MemorySegment packedBuffer;
    private @Nullable Inflater inflater;
    private @Nullable Scratch inner;

    Scratch(ImageState image) {
        this.image = image;
    }

    /** Returns memory for a cluster; what copy-on-write puts before the new data. */
    MemorySegment headBuffer() {
        MemorySegment buffer = headBuffer;
        if (buffer == null) {
            buffer = image.arena.allocate(image.layout.clusterBytes, Long.BYTES);
            headBuffer = buffer;
        }
        return buffer;
    }

    /** Returns memory for a cluster; what copy-on-write puts behind the new data. */
    MemorySegment tailBuffer() {
        MemorySegment buffer = tailBuffer;
        if (buffer == null) {
            buffer = image.arena.allocate(image.layout.clusterBytes, Long.BYTES);
            tailBuffer = buffer;
        }
        return buffer;
    }

    /** Returns memory for a compressed cluster, which may be larger than an unpacked one. */
    MemorySegment packedBuffer() {
        MemorySegment buffer = packedBuffer;
        if (buffer == null) {
            buffer = image.arena.allocate(2L * image.layout.clusterBytes, Long.BYTES);
            packedBuffer = buffer;
        }
        return buffer;
    }

    /** Returns a fresh inflater of raw deflate data. */
    Inflater inflater() {
        Inflater current = inflater;
        if (current == null) {
            current = new Inflater(true);
            inflater = current;
        } else {
            current.reset();
        }
        return current;
    }

    /** Returns what a read within this operation uses. */
    Scratch inner() {
        Scratch current = inner;
        if (current == null) {
            current = new Scratch(image);
            inner = current;
        }
        return current;
    }

    private void close() {
        Inflater current = inflater;
        if (current != null) {
            current.end();
        }
        Scratch nested = inner;
        if (nested != null) {
            nested.close();
        }
    }

    /** Those that are not in use. Any thread. */
    static final class Pool {
        private final ImageState image;
        private final ArrayDeque<Scratch> free = new ArrayDeque<>();

        Pool(ImageState image) {
            this.image = image;
        }

        synchronized Scratch take() {
            Scratch scratch = free.pollLast();
            return scratch == null ? new Scratch(image) : scratch;
        }

        synchronized void giveBack(Scratch scratch) {
            // The next operation adds to what is in them.
            scratch.slice.clear();
            scratch.transfer.clear();
            free.addLast(scratch);
        }

        synchronized void close() {
            for (Scratch scratch : free) {
                scratch.close();
            }
            free.clear();
        }
    }
}
