// SPDX-License-Identifier: Apache-2.0
/** The host's side of a virtio console's ports: what serial lines are connected to. */
@NullMarked
package dev.isthmus.machine.console;

import org.jspecify.annotations.NullMarked;
