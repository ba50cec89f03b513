// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.DynamicTest;

import static org.junit.jupiter.api.Assertions.assertFalse;

/**
 * Tests that give targets all inputs that are kept for them, and those that they make themselves: so every finding of a
 * campaign is a test, and no target goes stale.
 */
public final class FuzzReplay {
    private FuzzReplay() {}

    /** Returns a test for each input of these targets. */
    public static Stream<DynamicTest> of(Class<?>... targets) {
        List<DynamicTest> tests = new ArrayList<>();
        for (Class<?> target : targets) {
            String name = FuzzTargets.name(target.getName());
            List<Path> files = FuzzTargets.files(FuzzTargets.corpus(target.getName()));
            List<byte[]> seeds = FuzzTargets.seeds(target);
            assertFalse(files.isEmpty() && seeds.isEmpty(), () -> "nothing to replay for " + name);
            for (int i = 0; i < seeds.size(); i++) {
                byte[] seed = seeds.get(i);
                tests.add(DynamicTest.dynamicTest(name + ": seed " + i, () -> FuzzTargets.run(target, seed)));
            }
            for (Path file : files) {
                tests.add(DynamicTest.dynamicTest(name + ": " + file.getFileName(), () -> replay(target, file)));
            }
        }
        return tests.stream();
    }

    private static void replay(Class<?> target, Path file) throws IOException {
        FuzzTargets.run(target, Files.readAllBytes(file));
    }
}
