// SPDX-License-Identifier: Apache-2.0
/** The driver's side of virtio, for tests of devices. */
@NullMarked
package dev.isthmus.testing.virtio;

import org.jspecify.annotations.NullMarked;
