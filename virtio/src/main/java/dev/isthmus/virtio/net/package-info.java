// SPDX-License-Identifier: Apache-2.0
/**
 * The virtio network device (virtio 1.2, section 5.1) over a {@link dev.isthmus.virtio.net.NetBackend}, and the backends
 * that need nothing of the host: a switch between machines of one JVM, and a capture of what passes another backend.
 *
 * <p>GUEST_USO4 and GUEST_USO6 are by virtio 1.3, which added them.
 */
@NullMarked
package dev.isthmus.virtio.net;

import org.jspecify.annotations.NullMarked;
