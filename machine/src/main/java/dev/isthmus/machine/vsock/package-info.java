// SPDX-License-Identifier: Apache-2.0
/** The host's side of a socket device: Unix sockets, by the convention of Firecracker. */
@NullMarked
package dev.isthmus.machine.vsock;

import org.jspecify.annotations.NullMarked;
