// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

import dev.isthmus.block.BlockBackend;
import dev.isthmus.block.BlockStatus;
import dev.isthmus.testing.block.CrashModel;
import dev.isthmus.testing.block.CrashPlan;

/**
 * A program that works on one image of each kind at the same time, until it is killed. On its standard output, a record of
 * {@link #RECORD_BYTES} follows each operation that has ended: which image, and how many have ended for it.
 */
final class CrashWriter implements Runnable {
    /** Two 32-bit numbers. */
    static final int RECORD_BYTES = 8;

    private static final FileOutputStream REPORT = new FileOutputStream(FileDescriptor.out);

    private final CrashImage image;
    private final Path folder;
    private final long seed;

    private CrashWriter(CrashImage image, Path folder, long seed) {
        this.image = image;
        this.folder = folder;
        this.seed = seed;
    }

    /**
     * Starts.
     *
     * @param arguments the folder of the images, and the seed of what is done
     */
    public static void main(String[] arguments) {
        for (CrashImage image : CrashImage.values()) {
            new Thread(new CrashWriter(image, Path.of(arguments[0]), Long.parseLong(arguments[1]))).start();
        }
    }

    @Override
    public void run() {
        CrashModel model = image.newModel();
        CrashPlan plan = image.plan(seed, model);
        ByteBuffer record = ByteBuffer.allocate(RECORD_BYTES);
        try (BlockBackend disk = image.open(folder)) {
            for (int ended = 1; ; ended++) {
                CrashPlan.Operation operation = plan.next();
                BlockStatus status = operation.perform(disk);
                if (status != BlockStatus.OK) {
                    throw new IllegalStateException(image + ": " + operation + ": " + status);
                }
                operation.tell(model, true);
                // One write of few bytes: a pipe takes it whole, and does not mix it with another thread's.
                REPORT.write(record.clear().putInt(image.number()).putInt(ended).array());
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
