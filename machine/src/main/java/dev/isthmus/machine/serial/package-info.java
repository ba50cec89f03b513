// SPDX-License-Identifier: Apache-2.0
/**
 * The serial line: a 16550A towards the guest, and backends towards the host.
 *
 * <pre>
 *   guest ── registers ──► Uart16550 ──► transmit ring ──► SerialBackend ──► terminal, file, socket, …
 *            (vCPU threads, │      ◄── receive queue ◄──   (loop thread)
 *             one lock)     └► SerialTail
 * </pre>
 *
 * <p>Nothing is lost and nothing grows without bound in either direction: a backend that can't take more makes the
 * transmitter busy, so that the guest waits; a guest that does not read makes the backend stop reading its
 * descriptor. No thread of the VMM waits for either. Output is only dropped where nobody could ever take it: no peer at
 * a pty or socket, a pipe whose reader has gone, a full disk.
 */
@NullMarked
package dev.isthmus.machine.serial;

import org.jspecify.annotations.NullMarked;
