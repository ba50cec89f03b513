// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.vmdk;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

import dev.isthmus.block.mapped.BuiltImageFile;
import dev.isthmus.block.mapped.RawDisk;

/** Writes stream-optimized images into real files. */
final class StreamFiles {
    private StreamFiles() {}

    static void write(RawDisk raw, Path path) {
        try {
            byte[] bytes = Files.readAllBytes(raw.path());
            Map<Integer, byte[]> grains = new HashMap<>();
            for (int i = 0; i < bytes.length / VmdkBuilder.GRAIN_BYTES; i++) {
                byte[] grain =
                        Arrays.copyOfRange(bytes, i * VmdkBuilder.GRAIN_BYTES, (i + 1) * VmdkBuilder.GRAIN_BYTES);
                if (!Arrays.equals(grain, new byte[VmdkBuilder.GRAIN_BYTES])) {
                    grains.put(i, grain);
                }
            }
            BuiltImageFile stream = VmdkBuilder.stream(bytes.length / VmdkBuilder.GRAIN_BYTES, grains);
            Files.write(path, stream.get(0, (int) stream.sizeBytes()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
