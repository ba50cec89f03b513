// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.util.ArrayList;
import java.util.List;

/** Counts what a check finds. */
final class CheckCounters {
    /** A damaged image must not fill memory with words. */
    static final int MAX_FINDINGS = 1000;

    long corruptions;
    long leaks;
    long checkErrors;
    long corruptionsFixed;
    long leaksFixed;
    long imageEndOffset;
    long totalClusters;
    long allocatedClusters;
    long fragmentedClusters;
    long compressedClusters;
    private final List<String> findings = new ArrayList<>();

    void corruption(String finding) {
        corruptions++;
        say(finding);
    }

    void leak(String finding) {
        leaks++;
        say(finding);
    }

    void checkError(String finding) {
        checkErrors++;
        say(finding);
    }

    void corruptionFixed(String finding) {
        corruptionsFixed++;
        say("repaired: " + finding);
    }

    private void say(String finding) {
        if (findings.size() < MAX_FINDINGS) {
            findings.add(finding);
        }
    }

    Qcow2CheckResult result() {
        return new Qcow2CheckResult(
                corruptions,
                leaks,
                checkErrors,
                corruptionsFixed,
                leaksFixed,
                imageEndOffset,
                totalClusters,
                allocatedClusters,
                fragmentedClusters,
                compressedClusters,
                findings);
    }
}
