// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.platform;

import java.util.ArrayList;
import java.util.List;

/** Keeps what devices asked of the machine. */
final class RecordingControl implements MachineControl {
    private final List<String> requests = new ArrayList<>();

    @Override
    public void powerOff() {
        requests.add("power off");
    }

    @Override
    public void reset() {
        requests.add("reset");
    }

    @Override
    public void panicked(boolean crashLoaded) {
        requests.add(crashLoaded ? "crash loaded" : "panicked");
    }

    @Override
    public void debugExit(int value) {
        requests.add("debug exit " + Integer.toHexString(value));
    }

    List<String> requests() {
        return requests;
    }
}
