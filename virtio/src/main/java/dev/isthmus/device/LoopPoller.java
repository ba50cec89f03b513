// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.device;

/**
 * A source of work that the loop looks at by itself for a while before it blocks, so that a busy guest need not wake it:
 * a notification by eventfd costs the guest an exit, and the loop two system calls and the scheduler's latency. The
 * model is io_poll of QEMU's AioContext.
 *
 * <pre>
 *            begin                    poll, again and again
 *  blocking ───────→ looking by itself ───────┐
 *     ↑                    │    ↑─────────────┘
 *     └────────────────────┘
 *               end
 * </pre>
 *
 * <p>Loop thread only. No method blocks; each does bounded work.
 */
public interface LoopPoller {
    /** The loop looks by itself from now on: notifications of work that {@link #poll} finds are not needed. */
    void begin();

    /** Looks for work and does it; tells whether there was any. Also called outside of begin and end. */
    boolean poll();

    /** The loop is about to block: asks for notifications again, and does the work that came before they were on. */
    void end();
}
