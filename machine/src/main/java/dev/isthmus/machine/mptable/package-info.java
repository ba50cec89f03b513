// SPDX-License-Identifier: Apache-2.0
/** The Intel MultiProcessor Specification's tables, for guests without ACPI. */
@NullMarked
package dev.isthmus.machine.mptable;

import org.jspecify.annotations.NullMarked;
