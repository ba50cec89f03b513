// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import dev.isthmus.machine.balloon.RamRelease;
import dev.isthmus.virtio.balloon.VirtioBalloon;
import dev.isthmus.virtio.balloon.VirtioBalloonOptions;

/** The balloon of the machine. */
record Balloon(BalloonConfig config, String name, VirtioBalloon device) implements HostedDevice {
    static Balloon open(BalloonConfig config, String name, GuestRam ram) {
        VirtioBalloonOptions options = VirtioBalloonOptions.DEFAULT
                .withDeflateOnOom(config.deflateOnOom())
                .withReporting(config.reporting())
                .withPacked(config.packed());
        VirtioBalloon device = new VirtioBalloon(new RamRelease(ram.memory(), ram.pageBytes(), name), options);
        if (config.targetBytes() < 0 || config.targetBytes() > ram.lengthBytes()) {
            throw new VmException.Configuration(
                    "The guest can't do without " + config.targetBytes() + " bytes: it has " + ram.lengthBytes() + ".",
                    "Give the balloon less.");
        }
        device.setTargetBytes(config.targetBytes());
        return new Balloon(config, name, device);
    }

    @Override
    public void close() {
        // The memory is the machine's.
    }
}
