// SPDX-License-Identifier: Apache-2.0
/** Test kit: programs of the host that tests compare with. */
@NullMarked
package dev.isthmus.testing.tools;

import org.jspecify.annotations.NullMarked;
