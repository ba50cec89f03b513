// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** A driver looks for used buffers while the device uses one: all of it or nothing (virtio 1.2, 2.7.8.2). */
@JCStressTest
@Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "Not used yet.")
@Outcome(id = "4, 1515870810", expect = Expect.ACCEPTABLE, desc = "Used with length and data.")
@Outcome(expect = Expect.FORBIDDEN, desc = "The index came before the rest.")
@State
public class UsedDataIsComplete extends QueuePair {
    private final DescriptorChain chain;
    private final ChainWriter writer = new ChainWriter();

    /** Makes the state of one run. */
    public UsedDataIsComplete() {
        super(false, false);
        offer();
        chain = take();
    }

    /** The device. */
    @Actor
    public void device() {
        writer.reset(chain);
        writer.writeU32(NUMBER);
        queue.push(chain, writer.writtenBytes());
    }

    /** The driver. */
    @Actor
    public void driver(II_Result result) {
        if (driver.pollUsed()) {
            result.r1 = (int) driver.usedLengthBytes();
            result.r2 = (int) memory.readU32(DATA_GPA);
        }
    }
}
