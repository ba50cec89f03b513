// SPDX-License-Identifier: Apache-2.0
/**
 * ACPI tables for a hardware-reduced machine (ACPI 6.5): what the guest learns about processors, interrupts, devices
 * and power, without a firmware.
 *
 * <p>{@link dev.isthmus.machine.acpi.AcpiTables} lays the tables out; each table has a class of its own, and
 * {@link dev.isthmus.machine.acpi.AmlBuilder} encodes the byte code of the DSDT. Everything here is plain computation
 * on byte arrays, run once per start and per reset, on the thread that places the kernel.
 *
 * <p>The tables are small on purpose: guests walk them with an interpreter at CPL 0, and some hosts interpret that
 * interpreter in turn. An object that no guest looks at is left out.
 */
@NullMarked
package dev.isthmus.machine.acpi;

import org.jspecify.annotations.NullMarked;
