// SPDX-License-Identifier: Apache-2.0
/** Boots of real guests on {@code /dev/kvm}, with QEMU's microvm as the reference. */
package dev.isthmus.integration;
