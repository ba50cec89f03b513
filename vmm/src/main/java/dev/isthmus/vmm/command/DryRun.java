// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.time.Duration;
import java.util.Locale;

import org.jspecify.annotations.Nullable;

import dev.isthmus.block.RateLimits;
import dev.isthmus.device.Rate;
import dev.isthmus.machine.DeviceConfig;
import dev.isthmus.machine.DiskCache;
import dev.isthmus.machine.DiskConfig;
import dev.isthmus.machine.DiskEngine;
import dev.isthmus.machine.DiskErrorPolicy;
import dev.isthmus.machine.MachineConfig;
import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.VirtioTransport;
import dev.isthmus.machine.block.ImageLocking;
import dev.isthmus.machine.boot.Kernel;
import dev.isthmus.machine.boot.KernelLoader;
import dev.isthmus.machine.serial.SerialConfig;
import dev.isthmus.vmm.ByteSize;

/** {@code --dry-run}: the configuration with all that was resolved; opens the kernel and the initrd, but not KVM. */
final class DryRun {
    private DryRun() {}

    /**
     * Prints a configuration to standard output.
     *
     * @throws dev.isthmus.machine.VmException.Configuration if the kernel or another part can't be right
     */
    static int print(MachineConfig config, @Nullable Duration timeout) {
        String protocol;
        try (Kernel kernel = KernelLoader.open(config.kernel(), config.kernelFormat(), config.initrd())) {
            protocol = kernel.protocol();
        }
        StringBuilder text = new StringBuilder();
        line(text, "kernel", config.kernel() + " (" + protocol + ")");
        line(text, "initrd", config.initrd() == null ? "none" : String.valueOf(config.initrd()));
        line(text, "command line", config.commandLine().isEmpty() ? "empty" : config.commandLine());
        line(text, "cpus", config.cpus() + ", " + cpu(config));
        memory(text, config.memoryBytes());
        devices(text, config);
        line(text, "on reset", config.rebootAllowed() ? "start anew" : "end (status 0)");
        line(text, "timeout", timeout == null ? "none" : DurationText.format(timeout));
        StandardOutput.print(text.toString());
        return ExitStatus.OK;
    }

    private static void memory(StringBuilder text, long memoryBytes) {
        line(text, "memory", ByteSize.format(memoryBytes));
        range(text, 0, Math.min(memoryBytes, MachineLayout.LOW_RAM_END_GPA));
        if (memoryBytes > MachineLayout.LOW_RAM_END_GPA) {
            range(text, MachineLayout.HIGH_RAM_GPA, memoryBytes - MachineLayout.LOW_RAM_END_GPA);
        }
    }

    private static void range(StringBuilder text, long startGpa, long lengthBytes) {
        line(text, "", hex(startGpa) + "-" + hex(startGpa + lengthBytes - 1) + " RAM");
    }

    private static void devices(StringBuilder text, MachineConfig config) {
        line(text, "serial", "port " + hex(MachineLayout.COM1_PORT) + ", irq " + MachineLayout.COM1_IRQ + ": "
                + serial(config.serial()));
        int index = 0;
        for (DiskConfig disk : config.disks()) {
            line(text, "virtio-blk", place(config.transport(), index) + ": " + disk(disk, config.cpus()));
            index++;
        }
        for (DeviceConfig device : config.devices()) {
            line(text, DeviceText.model(device), place(config.transport(), index) + ": " + DeviceText.of(device));
            index++;
        }
        line(text, "i8042", "port " + hex(MachineLayout.I8042_PORT));
        line(text, "rtc", "port " + hex(MachineLayout.CMOS_PORT));
        line(text, "pvpanic", "port " + hex(MachineLayout.PVPANIC_PORT));
        line(text, "acpi", "port " + hex(MachineLayout.ACPI_SLEEP_CONTROL_PORT) + ", irq " + MachineLayout.ACPI_GED_IRQ);
        if (config.debugExitPort() >= 0) {
            line(text, "debug exit", "port " + hex(config.debugExitPort()));
        }
        if (config.serialGatePort() >= 0) {
            line(text, "serial gate", "port " + hex(config.serialGatePort()));
        }
    }

    private static String place(VirtioTransport transport, int index) {
        return switch (transport) {
            // Device 0 is the host bridge.
            case PCI -> "PCI 00:" + Integer.toHexString(0x100 | (index + 1)).substring(1) + ".0";
            case MMIO -> hex(MachineLayout.virtioMmioGpa(index)) + ", irq " + MachineLayout.virtioMmioIrq(index);
        };
    }

    private static String disk(DiskConfig disk, int cpus) {
        int queues = disk.queues(cpus);
        String format = disk.format().equals(DiskConfig.AUTO) ? "format by its contents" : disk.format();
        return disk.path() + " (" + format + (disk.readOnly() ? ", read-only" : "")
                + (disk.id() == null ? "" : ", id " + disk.id())
                + (disk.serial() == null ? "" : ", serial " + disk.serial())
                + (disk.engine() == DiskEngine.IO_URING ? ", io_uring" : "")
                + (disk.locking() == ImageLocking.OFF ? ", not locked" : "")
                + (queues == 1 ? "" : ", " + queues + " queues")
                + (disk.packed() ? ", packed" : "")
                + (disk.cache() == DiskCache.WRITEBACK ? "" : ", cache " + disk.cache().optionName())
                + (disk.discard() ? "" : ", no discard")
                + (disk.errorPolicy() == DiskErrorPolicy.STOP ? ", stop on error" : "")
                + limits(disk.limits()) + ")";
    }

    private static String limits(RateLimits limits) {
        return limit("iops", limits.operations()) + limit("iops-rd", limits.readOperations())
                + limit("iops-wr", limits.writeOperations()) + limit("bps", limits.bytes())
                + limit("bps-rd", limits.readBytes()) + limit("bps-wr", limits.writeBytes());
    }

    static String limit(String name, Rate rate) {
        if (!rate.limited()) {
            return "";
        }
        String average = ", " + name + " " + rate.average();
        return rate.burst() == 0
                ? average
                : average + " (burst " + rate.burst() + " for " + rate.burstSeconds() + " s)";
    }

    static String serial(SerialConfig serial) {
        return switch (serial) {
            case SerialConfig.Stdio stdio -> "standard input and output";
            case SerialConfig.Null none -> "nothing";
            case SerialConfig.Pty pty -> "a new pseudo-terminal";
            case SerialConfig.ToFile file -> "file " + file.path();
            case SerialConfig.UnixSocket socket -> "unix socket " + socket.path();
            case SerialConfig.Custom custom -> "the program";
        };
    }

    private static String cpu(MachineConfig config) {
        StringBuilder text = new StringBuilder("host");
        for (String flag : config.cpu().plus()) {
            text.append(",+").append(flag);
        }
        for (String flag : config.cpu().minus()) {
            text.append(",-").append(flag);
        }
        return text.toString();
    }

    private static void line(StringBuilder text, String name, String value) {
        text.append(String.format(Locale.ROOT, "%-13s %s%n", name, value));
    }

    private static String hex(long number) {
        return "0x" + Long.toHexString(number);
    }
}
