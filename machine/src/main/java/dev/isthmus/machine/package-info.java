// SPDX-License-Identifier: Apache-2.0
/** The machine as a whole: its configuration, its address map, its life from start to exit. */
@NullMarked
package dev.isthmus.machine;

import org.jspecify.annotations.NullMarked;
