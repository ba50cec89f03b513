// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import dev.isthmus.device.FaultLog;
import dev.isthmus.virtio.Activation;

/** What the parts of an active console device share. Loop thread only. */
record ConsoleSession(Activation activation, ConsoleStatistics statistics, FaultLog faults) {
    boolean multiport() {
        return activation.has(VirtioConsoleProtocol.VIRTIO_CONSOLE_F_MULTIPORT);
    }
}
