// SPDX-License-Identifier: Apache-2.0
/**
 * What disks have in common whose blocks a table maps to places in files, and which are only read: the way of a read
 * through the map ({@link dev.isthmus.block.mapped.MappedImage}), the bounded cache of the table
 * ({@link dev.isthmus.block.mapped.TableCache}) and the reading of headers
 * ({@link dev.isthmus.block.mapped.FileBytes}). The formats of other hypervisors are built on it.
 */
@NullMarked
package dev.isthmus.block.mapped;

import org.jspecify.annotations.NullMarked;
