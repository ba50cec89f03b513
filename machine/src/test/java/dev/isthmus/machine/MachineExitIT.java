// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.machine.boot.KernelFormat;
import dev.isthmus.machine.serial.SerialConfig;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.testing.machine.BareVm;
import dev.isthmus.testing.machine.GuestCode;
import dev.isthmus.testing.machine.GuestKernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

@RequiresKvm
class MachineExitIT {
    @TempDir
    Path directory;

    private MachineConfig.Builder flat(GuestCode code) throws Exception {
        return MachineConfig.builder(GuestKernel.flat(directory, code))
                .kernelFormat(KernelFormat.FLAT)
                .debugExitPort(0xf4);
    }

    private MachineConfig.Builder pvh(GuestCode code) throws Exception {
        return MachineConfig.builder(GuestKernel.pvh(directory, code)).debugExitPort(0xf4);
    }

    private static MachineExit run(MachineConfig.Builder config) throws Exception {
        try (Machine machine = Machine.create(config.build())) {
            machine.start();
            MachineExit exit = machine.awaitExit(BareVm.patience());
            if (exit == null) {
                throw new AssertionError("The guest did not end");
            }
            return exit;
        }
    }

    @Test
    void pvhGuestOfOneInstructionEndsWithItsDebugExit() throws Exception {
        GuestCode code = new GuestCode().line("out  %al, $0xf4", 0xe6, 0xf4);

        assertEquals(new MachineExit.DebugExit(0), run(pvh(code)));
    }

    @Test
    void debugExitCarriesWhatTheGuestWrote() throws Exception {
        GuestCode code = new GuestCode().line("mov  $0x2a, %al", 0xb0, 0x2a).line("out  %al, $0xf4", 0xe6, 0xf4);

        assertEquals(new MachineExit.DebugExit(0x2a), run(flat(code)));
    }

    @Test
    void s5InTheSleepControlRegisterPowersOff() throws Exception {
        GuestCode code = new GuestCode()
                .line("mov  $0x600, %dx", 0xba, 0x00, 0x06)
                .line("mov  $0x34, %al", 0xb0, 0x34) // SLP_TYP 5, SLP_EN
                .line("out  %al, (%dx)", 0xee)
                .line("jmp  .", 0xeb, 0xfe);

        assertEquals(new MachineExit.PoweredOff(), run(flat(code)));
    }

    @Test
    void resetEndsTheMachineWhereRebootsAreNotAllowed() throws Exception {
        GuestCode code = new GuestCode()
                .line("mov  $0xfe, %al", 0xb0, 0xfe)
                .line("out  %al, $0x64", 0xe6, 0x64)
                .line("jmp  .", 0xeb, 0xfe);

        assertEquals(new MachineExit.Reset(), run(flat(code).rebootAllowed(false)));
    }

    @Test
    void serialOutputIsOutWhenTheExitIsSeen() throws Exception {
        Path output = directory.resolve("serial");
        GuestCode code = new GuestCode()
                .line("mov  $0x3f8, %dx", 0xba, 0xf8, 0x03)
                .line("mov  $'o', %al", 0xb0, 'o')
                .line("out  %al, (%dx)", 0xee)
                .line("mov  $'k', %al", 0xb0, 'k')
                .line("out  %al, (%dx)", 0xee)
                .line("out  %al, $0xf4", 0xe6, 0xf4);
        try (Machine machine = Machine.create(
                flat(code).serial(new SerialConfig.ToFile(output)).build())) {
            machine.start();

            assertEquals(new MachineExit.DebugExit('k'), machine.awaitExit(BareVm.patience()));

            assertEquals("ok", Files.readString(output));
        }
    }

    @Test
    void tripleFaultIsDumpedWithInstructionRegistersAndSerialOutput() throws Exception {
        GuestCode code = new GuestCode()
                .line("mov  $0x3f8, %edx", 0xba, 0xf8, 0x03, 0x00, 0x00)
                .line("mov  $'!', %al", 0xb0, '!')
                .line("out  %al, (%dx)", 0xee)
                .line32("mov  $0x12345678, %ecx", 0x1234_5678, 0xb9)
                .line("ud2", 0x0f, 0x0b);

        MachineExit.TripleFault exit = assertInstanceOf(MachineExit.TripleFault.class, run(pvh(code)));

        String dump = exit.dump();
        assertTrue(dump.contains("KVM_EXIT_SHUTDOWN"), dump);
        assertTrue(dump.contains("rcx 0000000012345678"), dump);
        assertTrue(dump.contains("mode protected, CPL 0"), dump);
        assertTrue(dump.contains("code at rip: 0f 0b"), dump);
        assertTrue(dump.endsWith("Last lines of the serial port:\n  !\n"), dump);
    }

    @Test
    void codeWhereThereIsNoRamIsAnAcceleratorFailureWithADump() throws Exception {
        GuestCode code = new GuestCode()
                .line32("mov  $0xd0000000, %eax", 0xd000_0000L, 0xb8)
                .line("jmp  *%eax", 0xff, 0xe0);

        MachineExit.AcceleratorFailure exit = assertInstanceOf(MachineExit.AcceleratorFailure.class, run(pvh(code)));

        assertTrue(exit.dump().contains("rip 00000000d0000000"), exit.dump());
        assertTrue(exit.dump().contains("no RAM at 0xd0000000"), exit.dump());
    }

    @Test
    void panicReportedThroughPvpanicIsDumped() throws Exception {
        GuestCode code = new GuestCode()
                .line("mov  $0x505, %dx", 0xba, 0x05, 0x05)
                .line("mov  $1, %al", 0xb0, 0x01)
                .line("out  %al, (%dx)", 0xee)
                .line("jmp  .", 0xeb, 0xfe);

        MachineExit.Panicked exit = assertInstanceOf(MachineExit.Panicked.class, run(flat(code)));

        assertTrue(exit.dump().startsWith("The guest's kernel panicked."), exit.dump());
        assertTrue(exit.dump().contains("mode real"), exit.dump());
    }

    @Test
    void unclaimedPortsReadAsAllOnes() throws Exception {
        GuestCode code = new GuestCode()
                .line("mov  $0x1234, %dx", 0xba, 0x34, 0x12)
                .line("in   (%dx), %al", 0xec)
                .line("out  %al, (%dx)", 0xee)
                .line("out  %al, $0xf4", 0xe6, 0xf4);

        assertEquals(new MachineExit.DebugExit(0xff), run(flat(code)));
    }

    @Test
    void backendThatThrowsIsABugThatEndsTheMachine() throws Exception {
        GuestCode code = new GuestCode()
                .line("mov  $0x3f8, %dx", 0xba, 0xf8, 0x03)
                .line("out  %al, (%dx)", 0xee)
                .line("jmp  .", 0xeb, 0xfe);
        IllegalStateException bug = new IllegalStateException("a bug");

        MachineExit exit = run(flat(code).serial(new SerialConfig.Custom(new ThrowingSerial(bug))));

        assertEquals(new MachineExit.InternalError(bug), exit);
    }

    @Test
    void systemCallThatFailsOnTheLoopIsTheHostsFaultAndHasItsRemedy() throws Exception {
        GuestCode code = new GuestCode()
                .line("mov  $0x3f8, %dx", 0xba, 0xf8, 0x03)
                .line("out  %al, (%dx)", 0xee)
                .line("jmp  .", 0xeb, 0xfe);
        ErrnoException failure = new ErrnoException("epoll_ctl", "fd 9", Errno.ENOMEM);

        MachineExit exit = run(flat(code).serial(new SerialConfig.Custom(new ThrowingSerial(failure))));

        VmException fault = assertInstanceOf(MachineExit.HostFailure.class, exit).fault();
        assertTrue(String.valueOf(fault.getMessage()).contains("epoll_ctl(fd 9): ENOMEM"), fault::getMessage);
        assertTrue(fault.remedy().contains("Free memory"), fault::remedy);
    }
}
