// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.platform;

/**
 * What devices ask of the machine on the guest's behalf.
 *
 * <p>Any thread, vCPU threads above all; every method returns at once and the machine acts on its own thread. A guest
 * may call as often as it likes: requests after the first are the machine's to ignore.
 */
public interface MachineControl {
    /** The guest switched itself off. */
    void powerOff();

    /** The guest asked for a reset of the whole machine. */
    void reset();

    /**
     * The guest's kernel panicked.
     *
     * @param crashLoaded whether a crash kernel takes over, so that the guest goes on to write its dump
     */
    void panicked(boolean crashLoaded);

    /**
     * The guest ended its run through the debug-exit port.
     *
     * @param value what it wrote, zero-extended from the width of the access
     */
    void debugExit(int value);
}
