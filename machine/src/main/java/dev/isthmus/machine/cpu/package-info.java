// SPDX-License-Identifier: Apache-2.0
/**
 * The processor that a guest sees: from what the host's accelerator supports, through the user's {@code ±flag} changes
 * and the machine's topology, to the CPUID entries of each virtual CPU.
 *
 * <p>Everything is plain computation on arrays, done once before the guest starts. The {@code host} model without
 * changes takes the short way: the tables of flag names and dependencies are only loaded where flags are given.
 */
@NullMarked
package dev.isthmus.machine.cpu;

import org.jspecify.annotations.NullMarked;
