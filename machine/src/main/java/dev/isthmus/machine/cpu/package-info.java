// SPDX-License-Identifier: Apache-2.0
/** The guest's CPU model. */
@NullMarked
package dev.isthmus.machine.cpu;

import org.jspecify.annotations.NullMarked;
