// SPDX-License-Identifier: Apache-2.0
/** A folder in memory, and the client's side of FUSE. */
@NullMarked
package dev.isthmus.testing.fuse;

import org.jspecify.annotations.NullMarked;
