// SPDX-License-Identifier: Apache-2.0
/** Disks and executors for tests of the block layer. */
@NullMarked
package dev.isthmus.testing.block;

import org.jspecify.annotations.NullMarked;
