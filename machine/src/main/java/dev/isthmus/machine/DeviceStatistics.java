// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

import dev.isthmus.virtio.Statistics;

/**
 * What a device of a machine has done since the machine was made; resets do not clear it.
 *
 * @param device what messages call it, such as "disk 0"
 * @param counters numbers by their names, always in the same order; sizes are in bytes and named so
 */
public record DeviceStatistics(String device, SequencedMap<String, Long> counters) {
    /** Makes it unchangeable. */
    public DeviceStatistics {
        counters = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(counters));
    }

    static DeviceStatistics of(String device, Statistics statistics) {
        SequencedMap<String, Long> counters = new LinkedHashMap<>();
        statistics.report(counters::put);
        return new DeviceStatistics(device, counters);
    }
}
