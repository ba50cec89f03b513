// SPDX-License-Identifier: Apache-2.0
/** Test kit of the machine: hand-assembled guests and what runs them. */
package dev.isthmus.testing.machine;
