// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.block;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.extension.AnnotatedElementContext;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.io.TempDirFactory;

/** Temporary folders on the disk of the build, since the usual place may be memory, which has no direct I/O. */
final class InBuildFolder implements TempDirFactory {
    @Override
    public Path createTempDirectory(AnnotatedElementContext element, ExtensionContext context) throws IOException {
        return Files.createTempDirectory(
                Files.createDirectories(Path.of("target", "direct").toAbsolutePath()), "disk");
    }
}
