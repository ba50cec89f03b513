// SPDX-License-Identifier: Apache-2.0
/**
 * The virtio file system device (virtio 1.2, section 5.11): a folder of the host, which the guest uses by FUSE requests.
 *
 * <pre>
 *  driver → pop → FsRequest → executor → worker: FuseServer.handle → FsReturns → finish → push → driver
 * </pre>
 */
@NullMarked
package dev.isthmus.virtio.fs;

import org.jspecify.annotations.NullMarked;
