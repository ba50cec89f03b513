// SPDX-License-Identifier: Apache-2.0
/**
 * The {@code isthmus} command: arguments, signals, exit statuses and what is printed.
 *
 * <p>The only package that writes to standard output and error, handles signals and ends the process.
 */
@NullMarked
package dev.isthmus.vmm.command;

import org.jspecify.annotations.NullMarked;
