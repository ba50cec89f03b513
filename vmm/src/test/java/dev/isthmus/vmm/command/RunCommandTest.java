// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.machine.DiskConfig;
import dev.isthmus.machine.DiskEngine;
import dev.isthmus.machine.MachineConfig;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.block.ImageLocking;
import dev.isthmus.machine.boot.KernelFormat;
import dev.isthmus.machine.cpu.CpuModel;
import dev.isthmus.machine.serial.SerialConfig;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class RunCommandTest {
    @Test
    void aKernelAloneGetsOneCpuAndTheTerminal() {
        MachineConfig config = configure("--kernel", "vmlinux");

        assertEquals(Path.of("vmlinux"), config.kernel());
        assertEquals(KernelFormat.AUTO, config.kernelFormat());
        assertNull(config.initrd());
        assertEquals("", config.commandLine());
        assertEquals(1, config.cpus());
        assertEquals(128L << 20, config.memoryBytes());
        assertEquals(List.of(), config.disks());
        assertEquals(CpuModel.HOST, config.cpu());
        assertEquals(MachineConfig.NO_DEBUG_EXIT, config.debugExitPort());
        assertTrue(config.rebootAllowed());
        assertInstanceOf(SerialConfig.Stdio.class, config.serial());
    }

    @Test
    void everyOptionArrivesInTheConfiguration() {
        MachineConfig config = configure(
                "--kernel", "k", "--kernel-format", "flat", "--initrd", "i", "--cmdline", "console=ttyS0 quiet", "--cpus", "4",
                "--memory", "2G", "--disk", "path=a,,b.img,readonly=on,id=root,serial=S1",
                "--disk", "path=c,format=raw,aio=io_uring,queues=2,locking=off",
                "--serial", "file=/tmp/log", "--cpu", "host,-avx512f", "--debug-exit", "0xf4", "--no-reboot");

        assertEquals(KernelFormat.FLAT, config.kernelFormat());
        assertEquals(Path.of("i"), config.initrd());
        assertEquals("console=ttyS0 quiet", config.commandLine());
        assertEquals(4, config.cpus());
        assertEquals(2L << 30, config.memoryBytes());
        assertEquals(
                List.of(
                        new DiskConfig(Path.of("a,b.img"), "auto", true, "root", "S1"),
                        new DiskConfig(Path.of("c"), "raw", false, null, null, DiskEngine.IO_URING, 2, ImageLocking.OFF)),
                config.disks());
        assertEquals(new SerialConfig.ToFile(Path.of("/tmp/log")), config.serial());
        assertEquals(List.of("avx512f"), config.cpu().minus());
        assertEquals(0xf4, config.debugExitPort());
        assertFalse(config.rebootAllowed());
    }

    @Test
    void memoryThatIsNoWholePageIsRoundedUp() {
        assertEquals(1181118464, configure("--kernel", "k", "--memory", "1.1G").memoryBytes());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--memory|12Q|'12Q' is not a size",
        "--cpus|two|--cpus: 'two' is not a number",
        "--cpus|0|can't have 0 CPUs",
        "--serial|tcp=1|--serial: can't connect to 'tcp=1'",
        "--serial|file=|--serial: can't connect to 'file='",
        "--serial|STDIO|--serial: can't connect to 'STDIO'",
        "--debug-exit|serial|'serial' is not an I/O port",
        "--debug-exit|0x10000|'0x10000' is not an I/O port",
        "--debug-exit|#f4|'#f4' is not an I/O port",
        "--kernel-format|pe|unknown format 'pe'",
        "--cpu|qemu64|CPU model 'qemu64' is unknown",
        "--cpu|host,+nonsense|nonsense",
        "--disk|readonly=on|--disk needs path=",
        "--disk|path=a,format=qcow3|unknown format 'qcow3'",
        "--disk|path=a,cache=none|unknown key 'cache'",
        "--disk|path=a,aio=native|unknown engine 'native'",
        "--disk|path=a,queues=two|queues=two is not a number",
    })
    void aBadValueIsNamedWithItsCauseAndARemedyInOneLine(String option, String value, String message) {
        VmException error =
                assertThrows(VmException.Configuration.class, () -> configure("--kernel", "k", option, value));

        assertTrue(String.valueOf(error.getMessage()).contains(message), error::getMessage);
        assertFalse(error.remedy().isBlank());
        assertFalse((error.getMessage() + error.remedy()).contains("\n"));
    }

    @Test
    void noKernelLeadsToTheDemo() {
        VmException error = assertThrows(VmException.Configuration.class, RunCommandTest::configure);

        assertEquals("no kernel given", error.getMessage());
        assertTrue(error.remedy().contains("isthmus demo"), error::remedy);
    }

    @Test
    void timeoutIsReadOrNull() {
        assertEquals(Duration.ofSeconds(90), RunCommand.timeout(PicocliCommands.parse("run", "--timeout", "1m30s")));
        assertNull(RunCommand.timeout(PicocliCommands.parse("run")));
    }

    private static MachineConfig configure(String... options) {
        String[] args = new String[options.length + 1];
        args[0] = RunCommand.NAME;
        System.arraycopy(options, 0, args, 1, options.length);
        return RunCommand.configure(PicocliCommands.parse(args), new HostSignals()).config();
    }
}
