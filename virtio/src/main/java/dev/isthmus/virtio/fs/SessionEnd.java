// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.fs;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.fuse.FuseServer;

/** Closes what the driver has left open, which may be thousands of files and take a while. */
final class SessionEnd extends FsTask {
    private final FuseServer server;
    private final BottomHalf ended;

    /**
     * Makes the task.
     *
     * @param ended scheduled when it is done
     */
    SessionEnd(FuseServer server, BottomHalf ended) {
        this.server = server;
        this.ended = ended;
    }

    @Override
    public void run() {
        try {
            server.end();
        } finally {
            ended.schedule();
        }
    }

    /** Done all the same, where the workers have gone: descriptors must not stay open. */
    @Override
    public void refuse() {
        run();
    }
}
