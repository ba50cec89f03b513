// SPDX-License-Identifier: Apache-2.0
/** What tests ask of the Java virtual machine itself. */
@NullMarked
package dev.isthmus.testing.jvm;

import org.jspecify.annotations.NullMarked;
