// SPDX-License-Identifier: Apache-2.0
/** Test kit for kernels: small ELF files and bzImages made byte by byte, and seeded damage to them. */
package dev.isthmus.testing.boot;
