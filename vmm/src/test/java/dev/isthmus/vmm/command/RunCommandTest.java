// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.block.RateLimits;
import dev.isthmus.device.Rate;
import dev.isthmus.machine.DiskCache;
import dev.isthmus.machine.DiskConfig;
import dev.isthmus.machine.DiskEngine;
import dev.isthmus.machine.DiskErrorPolicy;
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

    @ParameterizedTest
    @CsvSource({"--initrd, ''", "--disk, path=", "--serial, file=", "--serial, unix="})
    void nameThatCanBeNoFileIsRefusedWithARemedy(String option, String prefix) {
        // As letters that the locale does not have.
        VmException error = assertThrows(
                VmException.Configuration.class, () -> configure("--kernel", "vmlinux", option, prefix + "a\0b"));

        assertTrue(error.remedy().contains("UTF-8"), error::remedy);
    }

    @Test
    void everyOptionArrivesInTheConfiguration() {
        MachineConfig config = configure(
                "--kernel", "k", "--kernel-format", "flat", "--initrd", "i", "--cmdline", "console=ttyS0 quiet", "--cpus", "4",
                "--memory", "2G", "--disk", "path=a,,b.img,readonly=on,id=root,serial=S1",
                "--disk", "path=c,format=raw,aio=io_uring,queues=2,packed=on,locking=off",
                "--serial", "file=/tmp/log", "--cpu", "host,-avx512f", "--debug-exit", "0xf4", "--no-reboot");

        assertEquals(KernelFormat.FLAT, config.kernelFormat());
        assertEquals(Path.of("i"), config.initrd());
        assertEquals("console=ttyS0 quiet", config.commandLine());
        assertEquals(4, config.cpus());
        assertEquals(2L << 30, config.memoryBytes());
        assertEquals(
                List.of(
                        DiskConfig.of(Path.of("a,b.img")).withReadOnly(true).withId("root").withSerial("S1"),
                        DiskConfig.raw(Path.of("c")).withEngine(DiskEngine.IO_URING).withQueues(2).withPacked(true).withLocking(ImageLocking.OFF)),
                config.disks());
        assertEquals(new SerialConfig.ToFile(Path.of("/tmp/log")), config.serial());
        assertEquals(List.of("avx512f"), config.cpu().minus());
        assertEquals(0xf4, config.debugExitPort());
        assertFalse(config.rebootAllowed());
    }

    @Test
    void everyDetailOfADiskArrives() {
        DiskConfig disk = configure(
                        "--kernel", "k", "--disk",
                        "path=d,cache=none,discard=ignore,on-error=stop,iops-rd=100,iops-wr=50,iops-wr-max=200,"
                                + "iops-wr-max-length=10,bps=1.5M,bps-max=4194304")
                .disks()
                .get(0);

        Rate none = Rate.UNLIMITED;
        assertEquals(
                DiskConfig.of(Path.of("d"))
                        .withCache(DiskCache.NONE)
                        .withDiscard(false)
                        .withErrorPolicy(DiskErrorPolicy.STOP)
                        .withLimits(new RateLimits(
                                none,
                                Rate.of(100),
                                new Rate(50, 200, 10),
                                new Rate(3 << 19, 4 << 20, 1),
                                none,
                                none)),
                disk);
    }

    @ParameterizedTest
    @CsvSource({"on, true", "unmap, true", "off, false", "ignore, false"})
    void discardTakesOurWordsAndQemus(String word, boolean discard) {
        assertEquals(
                discard,
                configure("--kernel", "k", "--disk", "path=d,discard=" + word)
                        .disks()
                        .get(0)
                        .discard());
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
        "--disk|path=a,nonsense=1|unknown key 'nonsense'",
        "--disk|path=a,cache=fast|unknown cache 'fast'",
        "--disk|path=a,discard=yes|discard=yes is neither on nor off",
        "--disk|path=a,on-error=retry|on-error=retry is neither report nor stop",
        "--disk|path=a,iops=many|iops=many is not a number of operations",
        "--disk|path=a,iops=0|iops=0 is not a number of operations",
        "--disk|path=a,iops=+5|iops=+5 is not a number of operations",
        "--disk|path=a,bps=1X|bps=1X is not a number of bytes",
        "--disk|path=a,bps=0|bps=0 is not a number of bytes",
        "--disk|path=a,iops-max=5|iops: a burst needs a rate",
        "--disk|path=a,iops=5,iops-max=4|iops: a burst is at least as fast as the rate",
        "--disk|path=a,iops=5,iops-max-length=4|iops: the length of a burst needs the burst's rate",
        "--disk|path=a,bps-wr=5,bps-wr-max=6,bps-wr-max-length=0|bps-wr-max-length=0 is not a number of seconds",
        "--disk|path=a,iops=5,iops-rd=4|a limit of all operations excludes those of reads and writes",
        "--disk|path=a,bps=5,bps-wr=4|a limit of all bytes excludes those of reads and writes",
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
