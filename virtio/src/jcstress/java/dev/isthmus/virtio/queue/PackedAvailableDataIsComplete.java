// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

import dev.isthmus.testing.virtio.Buffer;

/** A device takes a buffer while the driver makes it available: all of it or nothing (virtio 1.2, 2.8.21). */
@JCStressTest
@Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "Not available yet.")
@Outcome(id = "4, 1515870810", expect = Expect.ACCEPTABLE, desc = "Available with descriptor and data.")
@Outcome(expect = Expect.FORBIDDEN, desc = "The flags came before the rest.")
@State
public class PackedAvailableDataIsComplete extends QueuePair {
    private final ChainReader reader = new ChainReader();

    /** Makes the state of one run. */
    public PackedAvailableDataIsComplete() {
        super(true, false);
    }

    /** The driver. */
    @Actor
    public void driver() {
        memory.writeU32(DATA_GPA, NUMBER);
        driver.offer(Buffer.readable(DATA_GPA, Integer.BYTES));
    }

    /** The device. */
    @Actor
    public void device(II_Result result) {
        if (queue.pop() instanceof DescriptorChain chain) {
            reader.reset(chain);
            result.r1 = (int) reader.remainingBytes();
            result.r2 = (int) reader.readU32();
        }
    }
}
