// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.virtio;

import java.util.stream.Stream;

import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

import dev.isthmus.testing.fuzz.FuzzReplay;

/** The inputs that the target has learned and failed on, replayed; {@code -Pfuzz} looks for more. */
class PciFuzzReplayTest {
    @TestFactory
    Stream<DynamicTest> keptInputsAreHandled() {
        return FuzzReplay.of(PciFuzzTarget.class);
    }
}
