// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.device.Rate;
import dev.isthmus.machine.BalloonConfig;
import dev.isthmus.machine.ConsoleConfig;
import dev.isthmus.machine.MachineConfig;
import dev.isthmus.machine.RngConfig;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.VsockConfig;
import dev.isthmus.machine.serial.SerialConfig;
import dev.isthmus.vmm.VmBuilder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The options of small devices: {@code --rng}, {@code --balloon}, {@code --vsock}, {@code --console}. */
class DeviceOptionsTest {
    @Test
    void everyDetailOfASourceOfRandomNumbersArrives() {
        assertEquals(RngConfig.DEFAULT, RngOption.parse("host"));
        assertEquals(
                RngConfig.DEFAULT.withRate(new Rate(1024, 4096, 2)).withPacked(true).withId("r"),
                RngOption.parse("host,bps=1K,bps-max=4K,bps-max-length=2,packed=on,id=r"));
    }

    @Test
    void everyDetailOfABalloonArrives() {
        assertEquals(BalloonConfig.DEFAULT, BalloonOption.parse("size=0"));
        assertEquals(
                BalloonConfig.DEFAULT
                        .withTargetBytes(64 << 20)
                        .withDeflateOnOom(false)
                        .withReporting(true)
                        .withPacked(true)
                        .withId("b"),
                BalloonOption.parse("size=64M,deflate-on-oom=off,reporting=on,packed=on,id=b"));
    }

    private static VmBuilder configure(String... options) {
        List<String> arguments = new ArrayList<>(List.of(RunCommand.NAME, "--kernel", "k"));
        arguments.addAll(List.of(options));
        return RunCommand.configure(PicocliCommands.parse(arguments.toArray(String[]::new)), new HostSignals());
    }

    @Test
    void consolesAndChannelsAreOfOneDevice() {
        MachineConfig config = configure(
                        "--console", "pty", "--channel", "name=agent,to=unix=/run/a", "--console", "file=/tmp/c",
                        "--channel", "name=log,to=null")
                .config();

        assertEquals(
                List.of(ConsoleConfig.EMPTY
                        .withConsole(new SerialConfig.Pty())
                        .withConsole(new SerialConfig.ToFile(Path.of("/tmp/c")))
                        .withChannel("agent", new SerialConfig.UnixSocket(Path.of("/run/a")))
                        .withChannel("log", new SerialConfig.Null())),
                config.devices());
        assertInstanceOf(SerialConfig.Stdio.class, config.serial());
    }

    @Test
    void consoleInTheTerminalTakesItFromTheSerialLine() {
        MachineConfig config = configure("--console", "stdio").config();

        assertInstanceOf(SerialConfig.Null.class, config.serial());
        assertEquals(0, ConsoleOption.atTerminal((ConsoleConfig) config.devices().get(0)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--console|tty|--console: can't connect to 'tty'",
        "--channel|to=null|--channel needs name=",
        "--channel|name=a|--channel needs to=",
        "--channel|name=a,to=stdio|the terminal is for consoles",
        "--channel|name=a,to=tcp=1|--channel: can't connect to 'tcp=1'",
    })
    void wrongConsoleIsRefusedInOneLine(String option, String value, String message) {
        VmException refusal = assertThrows(VmException.Configuration.class, () -> configure(option, value));
        assertTrue(String.valueOf(refusal.getMessage()).contains(message), refusal.getMessage());
    }

    @Test
    void everyDetailOfSocketsArrives() {
        assertEquals(VsockConfig.of(3, Path.of("/run/v")), VsockOption.parse("path=/run/v"));
        assertEquals(
                VsockConfig.of(4_294_967_294L, Path.of("v")).withPacked(true).withId("s"),
                VsockOption.parse("path=v,cid=4294967294,packed=on,id=s"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "cid=3|--vsock needs path=",
        "path=v,cid=-1|cid=-1 is no context ID",
        "path=v,cid=4294967296|is no context ID",
    })
    void wrongSocketsAreRefusedInOneLine(String text, String message) {
        VmException refusal = assertThrows(VmException.Configuration.class, () -> VsockOption.parse(text));
        assertTrue(String.valueOf(refusal.getMessage()).contains(message), refusal.getMessage());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "/dev/urandom|--rng: unknown source '/dev/urandom'",
        "host,rate=1|--rng: unknown key 'rate'",
        "host,bps=0|bps=0 is not a number of bytes",
    })
    void wrongSourceIsRefusedInOneLine(String text, String message) {
        VmException refusal = assertThrows(VmException.Configuration.class, () -> RngOption.parse(text));
        assertTrue(String.valueOf(refusal.getMessage()).contains(message), refusal.getMessage());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "size=lots|--balloon: size=lots: 'lots' is not a size",
        "reporting=maybe|neither on nor off",
        "target=1M|--balloon: unknown key 'target'",
    })
    void wrongBalloonIsRefusedInOneLine(String text, String message) {
        VmException refusal = assertThrows(VmException.Configuration.class, () -> BalloonOption.parse(text));
        assertTrue(String.valueOf(refusal.getMessage()).contains(message), refusal.getMessage());
    }
}
