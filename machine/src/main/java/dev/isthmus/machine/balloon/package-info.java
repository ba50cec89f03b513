// SPDX-License-Identifier: Apache-2.0
/** Guest RAM that goes back to the host: what {@link dev.isthmus.virtio.balloon.BalloonMemory} asks for, over system calls. */
@NullMarked
package dev.isthmus.machine.balloon;

import org.jspecify.annotations.NullMarked;
