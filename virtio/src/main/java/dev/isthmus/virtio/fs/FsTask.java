// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.fs;

/** Work on a shared folder that may block; done once by {@link #run}, or not at all by {@link #refuse}. */
public abstract class FsTask implements Runnable {
    FsTask() {}

    /** Does the work on the calling thread, which must not touch the task afterwards. */
    @Override
    public abstract void run();

    /** Says that the work is not going to be done. Any thread; does not block. */
    public abstract void refuse();
}
