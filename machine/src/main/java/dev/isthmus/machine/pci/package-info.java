// SPDX-License-Identifier: Apache-2.0
/**
 * PCI Express as the guest sees it: one host bridge with bus 0, configuration space by ECAM and by ports, BARs that the
 * guest may move, MSI-X and the four interrupt lines. Sources: PCI Local Bus Specification 3.0, PCI Express Base
 * Specification 5.0 (ECAM in section 7.2.2).
 */
@NullMarked
package dev.isthmus.machine.pci;

import org.jspecify.annotations.NullMarked;
