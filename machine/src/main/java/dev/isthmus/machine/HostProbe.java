// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.util.List;

import dev.isthmus.machine.accel.kvm.KvmProbe;

/** Asks the host's accelerator what it can do, for a user who wants to know why VMs don't run. Any thread. */
public final class HostProbe {
    private HostProbe() {}

    /**
     * Opens the accelerator and checks one by one what every VM needs of it. Leaves nothing behind.
     *
     * @return the checks in the order of doing, up to the first that makes others pointless; never empty
     */
    public static List<HostCheck> checkAccelerator() {
        return KvmProbe.check("/dev/kvm");
    }
}
