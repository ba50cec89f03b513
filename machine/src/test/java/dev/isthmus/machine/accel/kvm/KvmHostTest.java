// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel.kvm;

import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.machine.VmException;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class KvmHostTest {
    @TempDir
    Path directory;

    @Test
    void hostWithoutTheDeviceIsToldWhatToEnable() {
        String path = directory.resolve("kvm").toString();

        VmException.HostUnsupported e =
                assertThrows(VmException.HostUnsupported.class, () -> KvmAccelerator.open(path, true));

        assertEquals("This host has no " + path + ", so it can't run VMs.", e.getMessage());
        assertTrue(e.remedy().contains("kvm_intel"), e.remedy());
    }

    @Test
    void deviceThatIsNotKvmIsRefused() {
        VmException.HostUnsupported e =
                assertThrows(VmException.HostUnsupported.class, () -> KvmAccelerator.open("/dev/null", true));

        assertTrue(String.valueOf(e.getMessage()).contains("/dev/null"), e.getMessage());
    }
}
