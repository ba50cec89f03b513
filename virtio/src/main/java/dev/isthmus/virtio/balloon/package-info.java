// SPDX-License-Identifier: Apache-2.0
/**
 * The virtio memory balloon device (virtio 1.2, section 5.5): pages that the guest does without for a while, or does not
 * use right now, go back to the host.
 *
 * <pre>
 *  inflateq       page numbers  ─ sorted, merged ─→ PageReleaser → BalloonMemory.release
 *  reporting_vq   free ranges   ──────────────────→ PageReleaser → BalloonMemory.release
 *  deflateq       page numbers  ─ nothing to do: pages come back as the guest touches them
 *  statsq         statistics    ─────────────────→ GuestMemoryReport
 * </pre>
 */
@NullMarked
package dev.isthmus.virtio.balloon;

import org.jspecify.annotations.NullMarked;
