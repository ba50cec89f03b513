// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.io.IOException;
import java.time.Duration;
import java.util.stream.Stream;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.machine.MachineLayout;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.vmm.DemoGuest;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Linux boots from each form of kernel, with one and two vCPUs, and the same under QEMU's microvm. */
@RequiresKvm
class LinuxBootIT {
    /** Shows what the guest made of the machine; the exit status shows that all of it ran. */
    private static final String[] REPORT = {
        "sh", "-c", "echo cpus=$(nproc) loader=$(cat /proc/sys/kernel/bootloader_type); exit 41"
    };

    private static final int REPORTED_STATUS = 41;

    // type_of_loader, which Linux shows as bootloader_type: under PVH it sets 0xb0 itself (arch/x86/platform/pvh/enlighten.c),
    // under the Linux boot protocol it takes ours, 0xff for "undefined".
    private static final String PVH_LOADER = "176";
    private static final String UNDEFINED_LOADER = "255";

    static Stream<Arguments> kernels() {
        return Stream.of(
                Arguments.of(GuestKernel.ELF_PVH, 1, PVH_LOADER),
                Arguments.of(GuestKernel.ELF_PVH, 2, PVH_LOADER),
                Arguments.of(GuestKernel.ELF_64, 1, UNDEFINED_LOADER),
                Arguments.of(GuestKernel.ELF_64, 2, UNDEFINED_LOADER),
                Arguments.of(GuestKernel.BZIMAGE, 1, PVH_LOADER),
                Arguments.of(GuestKernel.BZIMAGE, 2, PVH_LOADER));
    }

    @ParameterizedTest
    @MethodSource("kernels")
    void linuxStartsAllCpusAndReportsTheCommandsStatus(GuestKernel kernel, int cpus, String loader) throws Exception {
        try (Vm vm = LinuxGuest.running(kernel, REPORT).cpus(cpus).start()) {
            VmResult result = LinuxGuest.awaitEnd(vm);

            assertEquals(new VmResult.DebugExit(REPORTED_STATUS), result, () -> vm.serial().text());
            assertTrue(
                    vm.serial().text().contains("cpus=" + cpus + " loader=" + loader), () -> vm.serial().text());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void qemuMicrovmBootsTheSameKernelTheSameWay(int cpus) throws IOException, InterruptedException {
        HostTool qemu = HostTool.run(
                LinuxGuest.DEADLINE.plus(Duration.ofSeconds(60)),
                "qemu-system-x86_64",
                "-M", "microvm,acpi=on,pcie=off,rtc=on,pit=on,pic=on,isa-serial=on",
                "-accel", "kvm", "-cpu", "host,-arch-capabilities", "-smp", Integer.toString(cpus), "-m", "128",
                "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                "-serial", "stdio",
                "-device", "isa-debug-exit,iobase=0x" + Integer.toHexString(MachineLayout.DEBUG_EXIT_PORT) + ",iosize=4",
                "-kernel", GuestKernel.ELF_PVH.file().toString(),
                "-initrd", DemoGuest.locate().initrd().toString(),
                "-append", DemoGuest.locate().commandLine(java.util.List.of(REPORT)));

        assertEquals(REPORTED_STATUS << 1 | 1, qemu.status(), qemu::output);
        assertTrue(qemu.output().contains("cpus=" + cpus + " loader=" + PVH_LOADER), qemu::output);
    }
}
