// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

class MachineConfigTest {
    private final MachineConfig.Builder builder = MachineConfig.builder(Path.of("vmlinux"));

    @Test
    void thereIsNeitherADebugExitNorASerialGateUnlessAskedFor() {
        MachineConfig config = builder.build();

        assertEquals(MachineConfig.NO_DEBUG_EXIT, config.debugExitPort());
        assertEquals(MachineConfig.NO_SERIAL_GATE, config.serialGatePort());
    }

    @Test
    void devicesTakeRoomBesideDisksAndSomeAreTheOnlyOnesOfTheirKind() {
        MachineConfig.Builder builder = MachineConfig.builder(Path.of("k")).device(BalloonConfig.DEFAULT);
        for (int i = 0; i < VirtioTransport.PCI.maxDevices() - 1; i++) {
            builder.device(RngConfig.DEFAULT);
        }
        assertEquals(VirtioTransport.PCI.maxDevices(), builder.build().virtioDevices());

        builder.disk(DiskConfig.of(Path.of("d")));
        VmException full = assertThrows(VmException.Configuration.class, builder::build);
        assertEquals("A machine has room for 31 disks and other virtio devices, not for 32.", full.getMessage());

        MachineConfig.Builder twice =
                MachineConfig.builder(Path.of("k")).device(BalloonConfig.DEFAULT).device(BalloonConfig.DEFAULT);
        VmException second = assertThrows(VmException.Configuration.class, twice::build);
        assertEquals("A machine has one balloon at most.", second.getMessage());
    }

    @ParameterizedTest
    @ValueSource(ints = {-2, 0x1_0000, Integer.MIN_VALUE, Integer.MAX_VALUE})
    void whatIsNoPortIsRefused(int port) {
        VmException gate =
                assertThrows(VmException.Configuration.class, () -> builder.serialGatePort(port).build());
        assertFalse(gate.remedy().isEmpty());

        builder.serialGatePort(MachineConfig.NO_SERIAL_GATE);
        assertThrows(VmException.Configuration.class, () -> builder.debugExitPort(port).build());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, MachineLayout.SERIAL_GATE_PORT, 0xffff})
    void anyPortMayBeTheSerialGates(int port) {
        assertEquals(port, builder.serialGatePort(port).build().serialGatePort());
    }

    @ParameterizedTest
    @CsvSource({"PCI, 31", "MMIO, 15"})
    void asManyDisksAsTheTransportHasRoomForAreTakenAndNoMore(VirtioTransport transport, int room) {
        builder.transport(transport);
        for (int i = 0; i < room; i++) {
            builder.disk(DiskConfig.raw(Path.of("disk" + i)));
        }
        assertEquals(room, builder.build().disks().size());

        builder.disk(DiskConfig.raw(Path.of("one more")));

        VmException refusal = assertThrows(VmException.Configuration.class, builder::build);
        assertEquals("A machine has room for " + room + " disks, not for " + (room + 1) + ".", refusal.getMessage());
        assertEquals("Give it fewer.", refusal.remedy());
    }
}
