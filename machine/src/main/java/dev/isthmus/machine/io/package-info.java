// SPDX-License-Identifier: Apache-2.0
/** The event loop: descriptors, timers and bottom halves of one VM, on one thread. */
@NullMarked
package dev.isthmus.machine.io;

import org.jspecify.annotations.NullMarked;
