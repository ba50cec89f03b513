// SPDX-License-Identifier: Apache-2.0
/** Virtio devices in the machine: as functions of the PCI bus, or at fixed addresses. */
@NullMarked
package dev.isthmus.machine.virtio;

import org.jspecify.annotations.NullMarked;
