// SPDX-License-Identifier: Apache-2.0
/**
 * Coverage-guided fuzzing: campaigns with Jazzer, and the replay of what they found in every build.
 *
 * <p>A target is a public class with a method {@code public static void fuzzerTestOneInput(byte[])}, which throws for
 * what must not happen, and, where it has inputs to begin with, {@code public static List<byte[]> seeds()}. None of it
 * needs Jazzer to compile or to replay.
 */
@NullMarked
package dev.isthmus.testing.fuzz;

import org.jspecify.annotations.NullMarked;
