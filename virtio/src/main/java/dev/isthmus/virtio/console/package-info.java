// SPDX-License-Identifier: Apache-2.0
/**
 * The virtio console device (virtio 1.2, section 5.3): a console, or several ports, each a stream of bytes both ways between
 * guest and host, by number and name.
 *
 * <p>The host's side of a port is a {@link dev.isthmus.virtio.console.ConsoleBackend}.
 */
@NullMarked
package dev.isthmus.virtio.console;

import org.jspecify.annotations.NullMarked;
