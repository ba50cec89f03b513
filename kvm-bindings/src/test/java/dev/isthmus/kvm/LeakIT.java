// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;

import dev.isthmus.kvm.linux.EventFd;
import dev.isthmus.testing.kvm.RealModeGuest;
import dev.isthmus.testing.kvm.RequiresKvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

/** Closing leaves nothing behind. */
@RequiresKvm
class LeakIT {
    private static final int VMS = 300;

    @Test
    void closedVmsLeaveNeitherDescriptorsNorMappings() throws IOException {
        openRunAndClose();
        long descriptors = descriptors();

        for (int i = 0; i < VMS; i++) {
            openRunAndClose();
        }

        assertEquals(descriptors, descriptors());
        assertEquals(0, mappings("test-guest"), "guest memory is still mapped");
        assertEquals(0, mappings("kvm-vcpu"), "a vCPU's page is still mapped");
    }

    private static void openRunAndClose() {
        try (RealModeGuest guest = RealModeGuest.bare("f4"); // hlt
                EventFd notified = EventFd.create()) {
            guest.vm().ioeventfdPio(notified, 0x84, 1);
            assertEquals(0, guest.vcpu().run());
        }
    }

    private static long descriptors() throws IOException {
        try (Stream<Path> entries = Files.list(Path.of("/proc/self/fd"))) {
            return entries.count();
        }
    }

    private static long mappings(String name) throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(line -> line.contains(name)).count();
        }
    }
}
