// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuzz;

import java.util.stream.Stream;

import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

import dev.isthmus.block.qcow2.Qcow2FuzzTarget;
import dev.isthmus.block.vdi.VdiFuzzTarget;
import dev.isthmus.block.vhdx.VhdxFuzzTarget;
import dev.isthmus.block.vmdk.VmdkFuzzTarget;
import dev.isthmus.fuse.FuseFuzzTarget;
import dev.isthmus.testing.fuzz.FuzzReplay;
import dev.isthmus.virtio.balloon.BalloonFuzzTarget;
import dev.isthmus.virtio.block.BlockFuzzTarget;
import dev.isthmus.virtio.console.ConsoleFuzzTarget;
import dev.isthmus.virtio.net.NetControlFuzzTarget;
import dev.isthmus.virtio.net.NetTransmitFuzzTarget;
import dev.isthmus.virtio.pmem.PmemFuzzTarget;
import dev.isthmus.virtio.queue.PackedQueueFuzzTarget;
import dev.isthmus.virtio.queue.SplitQueueFuzzTarget;
import dev.isthmus.virtio.rng.RngFuzzTarget;
import dev.isthmus.virtio.transport.RegistersFuzzTarget;
import dev.isthmus.virtio.vsock.VsockFuzzTarget;

/** The inputs that the targets of this module have learned and failed on, replayed; {@code -Pfuzz} looks for more. */
class FuzzReplayTest {
    @TestFactory
    Stream<DynamicTest> keptInputsAreHandled() {
        return FuzzReplay.of(
                SplitQueueFuzzTarget.class,
                PackedQueueFuzzTarget.class,
                BlockFuzzTarget.class,
                NetTransmitFuzzTarget.class,
                NetControlFuzzTarget.class,
                VsockFuzzTarget.class,
                RngFuzzTarget.class,
                BalloonFuzzTarget.class,
                PmemFuzzTarget.class,
                ConsoleFuzzTarget.class,
                FuseFuzzTarget.class,
                RegistersFuzzTarget.class,
                Qcow2FuzzTarget.class,
                VmdkFuzzTarget.class,
                VdiFuzzTarget.class,
                VhdxFuzzTarget.class);
    }
}
