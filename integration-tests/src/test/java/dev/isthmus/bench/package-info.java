// SPDX-License-Identifier: Apache-2.0
/** The parts of the benchmarks that run inside a JVM; {@code integration-tests/bench/run} starts them. */
package dev.isthmus.bench;
