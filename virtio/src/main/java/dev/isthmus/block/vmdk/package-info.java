// SPDX-License-Identifier: Apache-2.0
/**
 * VMware's disk images (VMDK), for reading: sparse, stream-optimized and flat ones, in one file or split.
 *
 * <p>Source: VMware, Virtual Disk Format 5.0 (technical note).
 */
@NullMarked
package dev.isthmus.block.vmdk;

import org.jspecify.annotations.NullMarked;
