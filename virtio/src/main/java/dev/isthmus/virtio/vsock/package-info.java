// SPDX-License-Identifier: Apache-2.0
/**
 * The virtio socket device (virtio 1.2, section 5.10), with stream sockets: connections between guest and host by port
 * numbers, with flow control for each.
 *
 * <p>The host's side is a {@link dev.isthmus.virtio.vsock.VsockBackend}, and a
 * {@link dev.isthmus.virtio.vsock.VsockConnection} for each connection.
 */
@NullMarked
package dev.isthmus.virtio.vsock;

import org.jspecify.annotations.NullMarked;
