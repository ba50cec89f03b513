// SPDX-License-Identifier: Apache-2.0
/**
 * A server of the FUSE protocol (linux/fuse.h, version 7.38) over a {@link dev.isthmus.fuse.SharedFolder}: requests are
 * parsed, checked and answered here, whoever carries them.
 *
 * <pre>
 *  chain → FuseCall (header, arguments) → FuseServer → NodeRequests, FileRequests, … → SharedFolder
 *                                             NodeTable, FileTable: what the numbers of the client mean
 * </pre>
 *
 * <p>The client is hostile: a request is read once, every length is checked against the chain, names are one component of
 * a path, and the tables are bounded.
 */
@NullMarked
package dev.isthmus.fuse;

import org.jspecify.annotations.NullMarked;
