// SPDX-License-Identifier: Apache-2.0
/** Guest memory for tests. */
@NullMarked
package dev.isthmus.testing.memory;

import org.jspecify.annotations.NullMarked;
