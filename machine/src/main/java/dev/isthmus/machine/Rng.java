// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import dev.isthmus.machine.rng.HostEntropy;
import dev.isthmus.virtio.rng.VirtioRng;
import dev.isthmus.virtio.rng.VirtioRngOptions;

/** A source of random numbers of the machine. */
record Rng(RngConfig config, String name, VirtioRng device) implements HostedDevice {
    static Rng open(RngConfig config, String name) {
        VirtioRngOptions options = new VirtioRngOptions(VirtioRngOptions.DEFAULT_QUEUE_SIZE, config.packed());
        VirtioRng device = new VirtioRng(new HostEntropy(), options, name);
        // Nothing runs yet: the loop thread sees this with the device's activation.
        device.setRate(config.rate());
        return new Rng(config, name, device);
    }

    @Override
    public void close() {
        // It holds nothing of the host.
    }
}
