// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.pmem;

/** The memory behind a persistent memory device, as the device needs it. */
@FunctionalInterface
public interface PmemBackend {
    /**
     * Waits until everything that was written to the memory before the call would survive a power failure. Called by a
     * worker, one call at a time; may take as long as the storage does. Allocates nothing as a rule.
     *
     * @return whether it would; where not, the backend has said why
     */
    boolean flush();
}
