// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.util.ArrayList;
import java.util.List;

/**
 * What a check found: the numbers that 'qemu-img check' gives.
 *
 * @param corruptions what is wrong and can lose data, and was not repaired
 * @param leaks clusters that take space for nothing, and were not repaired
 * @param checkErrors what could not be checked
 * @param corruptionsFixed what was repaired of the first
 * @param leaksFixed what was repaired of the second
 * @param imageEndOffset end of the last cluster in use, in bytes
 * @param totalClusters clusters of the disk
 * @param allocatedClusters those of them that have a place in the file
 * @param fragmentedClusters those of them that do not follow the one before
 * @param compressedClusters those of them that are packed
 * @param findings what was found, in words, the first {@value CheckCounters#MAX_FINDINGS}
 */
public record Qcow2CheckResult(
        long corruptions,
        long leaks,
        long checkErrors,
        long corruptionsFixed,
        long leaksFixed,
        long imageEndOffset,
        long totalClusters,
        long allocatedClusters,
        long fragmentedClusters,
        long compressedClusters,
        List<String> findings) {

    /** Makes the findings unchangeable. */
    public Qcow2CheckResult {
        findings = List.copyOf(findings);
    }

    /** Tells whether nothing is wrong with the image. */
    public boolean clean() {
        return corruptions == 0 && leaks == 0 && checkErrors == 0;
    }

    /** Tells whether anything was repaired. */
    public boolean repaired() {
        return corruptionsFixed + leaksFixed > 0;
    }

    /**
     * Returns what is to be said where the repair that gave this was followed by another check: what that found, and what
     * was repaired.
     */
    public Qcow2CheckResult checkedAgain(Qcow2CheckResult again) {
        List<String> all = new ArrayList<>(findings);
        all.addAll(again.findings);
        return new Qcow2CheckResult(
                again.corruptions,
                again.leaks,
                again.checkErrors,
                corruptionsFixed + again.corruptionsFixed,
                leaksFixed + again.leaksFixed,
                again.imageEndOffset,
                again.totalClusters,
                again.allocatedClusters,
                again.fragmentedClusters,
                again.compressedClusters,
                all);
    }
}
