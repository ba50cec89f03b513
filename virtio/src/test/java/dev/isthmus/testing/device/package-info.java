// SPDX-License-Identifier: Apache-2.0
/** Stand-ins for what the machine gives to devices: an event loop run by hand and an interrupt line that counts. */
@NullMarked
package dev.isthmus.testing.device;

import org.jspecify.annotations.NullMarked;
