// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.BooleanSupplier;

import org.junit.jupiter.api.Test;

import dev.isthmus.device.Rate;
import dev.isthmus.machine.BalloonConfig;
import dev.isthmus.machine.MachineBalloon;
import dev.isthmus.machine.RngConfig;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.virtio.balloon.GuestMemoryReport;
import dev.isthmus.virtio.balloon.GuestMemoryStatistic;
import dev.isthmus.vmm.Vm;
import dev.isthmus.vmm.VmResult;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

/** Linux gives memory back to the host, when it is asked to and by itself; and has random numbers of the host. */
@RequiresKvm
class LinuxBalloonIT {
    private static final long MIB = 1 << 20;

    /** Takes up memory of the host. */
    private static String fill(int mebibytes) {
        return "dd if=/dev/zero of=/tmp/fill bs=1M count=" + mebibytes + " 2>/dev/null; ";
    }

    /** Linux reports nothing while less than 128 MiB are free (mm/page_reporting.c). */
    private static final String MEMORY_TO_REPORT = "384M";

    /** Returns how much of the host's memory a VM's RAM takes up, in bytes. */
    private static long residentBytes(String name) throws Exception {
        long bytes = 0;
        boolean within = false;
        for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
            if (line.matches("[0-9a-f]+-[0-9a-f]+ .*")) {
                within = line.contains("/memfd:" + name + " ");
            } else if (within && line.startsWith("Rss:")) {
                bytes += Long.parseLong(line.replaceAll("\\D", "")) << 10;
            }
        }
        assertTrue(bytes > 0, "no such RAM");
        return bytes;
    }

    /** Waits until something of the guest's is so; nobody tells. */
    private static void await(String what, Vm vm, BooleanSupplier condition) throws Exception {
        long end = System.nanoTime() + LinuxGuest.DEADLINE.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                fail(what + " did not come to be; statistics " + vm.statistics() + ", console:\n" + vm.serial().text());
            }
            Thread.sleep(50);
        }
    }

    private static Vm start(String name, String memory, VirtioTransport transport, BalloonConfig balloon, String script) {
        return LinuxGuest.running(GuestKernel.ELF_PVH, "sh", "-c", script)
                .name(name)
                .memory(memory)
                .transport(transport)
                .device(RngConfig.DEFAULT.withRate(Rate.of(1 << 20)))
                .device(balloon)
                .start();
    }

    @Test
    void balloonInflatesGivesStatisticsAndDeflates() throws Exception {
        String script = fill(24) + "rm /tmp/fill; cat /sys/class/misc/hw_random/rng_current; "
                + "for i in 1 2; do echo random$i=$(dd if=/dev/hwrng bs=256 count=4 2>/dev/null | md5sum); done; "
                + "echo filled; until [ $(awk '/MemFree/{print $2}' /proc/meminfo) -lt 60000 ]; do sleep 0.2; done; "
                + "echo small; until [ $(awk '/MemFree/{print $2}' /proc/meminfo) -gt 90000 ]; do sleep 0.2; done; read line; exit 33";
        try (Vm vm = start("inflates", "128M", VirtioTransport.PCI, BalloonConfig.DEFAULT, script)) {
            vm.serial().awaitText("filled", LinuxGuest.DEADLINE);
            MachineBalloon balloon = vm.balloon();
            long full = residentBytes("inflates");

            balloon.setTargetBytes(64 * MIB);
            await("the balloon of 64 MiB", vm, () -> balloon.actualBytes() == 64 * MIB);
            assertTrue(residentBytes("inflates") < full - 16 * MIB, full + " before, " + residentBytes("inflates"));
            vm.serial().awaitText("small", LinuxGuest.DEADLINE);

            balloon.setReportInterval(Duration.ofMillis(100));
            await("two sets of statistics", vm, () -> {
                GuestMemoryReport report = balloon.memoryReport();
                return report != null && report.sequence() >= 2;
            });
            GuestMemoryReport report = balloon.memoryReport();
            assertTrue(report != null && report.value(GuestMemoryStatistic.MEMFREE).orElseThrow() < 64 * MIB);
            long total = report.value(GuestMemoryStatistic.MEMTOT).orElseThrow();
            assertTrue(total > 90 * MIB && total < 128 * MIB, Long.toString(total));

            balloon.setTargetBytes(0);
            await("an empty balloon", vm, () -> balloon.actualBytes() == 0);
            vm.serial().write("\n");
            VmResult result = LinuxGuest.awaitEnd(vm);

            String console = vm.serial().text();
            assertEquals(new VmResult.DebugExit(33), result, console);
            assertTrue(console.contains("virtio_rng.0"), console);
            String first = LinuxNetScript.sum(console, "random1");
            assertFalse(first.equals(LinuxNetScript.sum(console, "random2")), console);
        }
    }

    @Test
    void memoryThatTheGuestHasFreedGoesBackByItself() throws Exception {
        String script = fill(64) + "echo filled; read line; "
                + "rm /tmp/fill; echo freed; sleep 1000";
        try (Vm vm = start("reports", MEMORY_TO_REPORT, VirtioTransport.MMIO, BalloonConfig.DEFAULT.withReporting(true), script)) {
            vm.serial().awaitText("filled", LinuxGuest.DEADLINE);
            long full = residentBytes("reports");
            vm.serial().write("\n");
            vm.serial().awaitText("freed", LinuxGuest.DEADLINE);

            await("less memory in use", vm, () -> {
                try {
                    // Linux reports free blocks of 4 MiB: a part stays in smaller ones.
                    return residentBytes("reports") < full - 24 * MIB;
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            });

            assertEquals(0, vm.balloon().actualBytes());
        }
    }
}
