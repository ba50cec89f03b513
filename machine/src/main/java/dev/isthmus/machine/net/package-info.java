// SPDX-License-Identifier: Apache-2.0
/** What guests' network interfaces are connected to on the host. */
@NullMarked
package dev.isthmus.machine.net;

import org.jspecify.annotations.NullMarked;
