// SPDX-License-Identifier: Apache-2.0
/** Folders of the host that guests share: what {@link dev.isthmus.fuse.SharedFolder} asks for, over system calls. */
@NullMarked
package dev.isthmus.machine.fs;

import org.jspecify.annotations.NullMarked;
