// SPDX-License-Identifier: Apache-2.0
/** The contracts between devices and the machine that carries them: bus accesses, interrupt lines, the event loop. */
@NullMarked
package dev.isthmus.device;

import org.jspecify.annotations.NullMarked;
