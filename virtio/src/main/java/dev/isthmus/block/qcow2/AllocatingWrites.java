// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.util.ArrayList;
import java.util.List;

/**
 * The guest clusters that writes in flight have taken new host clusters for, which their L2 entries do not show yet.
 * Whoever else wants to write such a guest cluster waits.
 *
 * <p>Under the metadata lock only.
 */
final class AllocatingWrites {
    /** One such write, reused. */
    static final class Span {
        long firstCluster;
        long endCluster;
    }

    private final List<Span> spans = new ArrayList<>();

    void begin(Span span, long firstCluster, long count) {
        span.firstCluster = firstCluster;
        span.endCluster = firstCluster + count;
        spans.add(span);
    }

    void end(Span span) {
        for (int i = 0; i < spans.size(); i++) {
            if (spans.get(i) == span) {
                spans.set(i, spans.getLast());
                spans.removeLast();
                return;
            }
        }
    }

    /** Returns the first guest cluster from {@code first} on, before {@code end}, that is being written; or {@code end}. */
    long firstBusy(long first, long end) {
        long busy = end;
        for (int i = 0; i < spans.size(); i++) {
            Span span = spans.get(i);
            if (span.firstCluster < busy && span.endCluster > first) {
                busy = Math.max(first, span.firstCluster);
            }
        }
        return busy;
    }
}
