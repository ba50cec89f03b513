// SPDX-License-Identifier: Apache-2.0
/** What disks touch on the host: worker threads and raw files. */
@NullMarked
package dev.isthmus.machine.block;

import org.jspecify.annotations.NullMarked;
