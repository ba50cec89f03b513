// SPDX-License-Identifier: Apache-2.0
/** The host's random bytes for guests: what {@link dev.isthmus.virtio.rng.EntropySource} asks for, over system calls. */
@NullMarked
package dev.isthmus.machine.rng;

import org.jspecify.annotations.NullMarked;
