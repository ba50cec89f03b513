// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel.kvm;

import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;

import dev.isthmus.machine.accel.ExitKind;
import dev.isthmus.machine.accel.Vcpu;
import dev.isthmus.machine.boot.InitialCpuState.Mode;
import dev.isthmus.machine.cpu.CpuModel;
import dev.isthmus.machine.cpu.CpuidBuilder;
import dev.isthmus.machine.cpu.CpuidEntry;
import dev.isthmus.testing.kvm.RequiresKvm;
import dev.isthmus.testing.machine.BareVm;
import dev.isthmus.testing.machine.GuestCode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

@RequiresKvm
class CpuidIT {
    /** Leaves with features of a host that does as it is told and of one that does not. */
    private static final int[] LEAVES = {1, 7, 0x8000_0001};

    /** What a host tells of a vCPU's CPUID is what the guest's kernel gets, features with flags without effect included. */
    @Test
    void guestsKernelGetsWhatTheHostTells() {
        GuestCode code = new GuestCode();
        for (int leaf : LEAVES) {
            code.line32("mov  $leaf, %eax", leaf & 0xffff_ffffL, 0xb8)
                    .line("xor  %ecx, %ecx", 0x31, 0xc9)
                    .line("cpuid", 0x0f, 0xa2)
                    .line("out  %al, $0x80", 0xe6, 0x80);
        }
        try (BareVm vm = BareVm.create(code, 1)) {
            CpuModel model = CpuModel.parse("host,-umip,-popcnt,-nx");
            Vcpu vcpu = vm.vcpu(0);
            vcpu.setCpuid(CpuidBuilder.build(vm.accelerator().supportedCpuid(), model, 0, 1));
            CpuidEntry[] told = vcpu.cpuid();

            vm.start(Mode.LONG);

            List<Integer> seen = new ArrayList<>();
            for (int leaf : LEAVES) {
                assertEquals(ExitKind.PORT_WRITE, vcpu.run().kind());
                CpuidEntry answer = find(told, leaf);
                List<Long> general = vcpu.registers().general();
                assertEquals(answer.ebx, general.get(3).intValue(), "EBX of " + Integer.toHexString(leaf));
                assertEquals(answer.ecx, general.get(1).intValue(), "ECX of " + Integer.toHexString(leaf));
                assertEquals(answer.edx, general.get(2).intValue(), "EDX of " + Integer.toHexString(leaf));
                seen.add(answer.ecx);
            }
            List<String> withoutEffect = model.flagsWithoutEffect(told);
            assertEquals((seen.get(0) & 1 << 23) != 0, withoutEffect.contains("-popcnt"));
            assertEquals((seen.get(1) & 1 << 2) != 0, withoutEffect.contains("-umip"));
            if (!vm.accelerator().interpretsKernelCode()) {
                assertTrue(withoutEffect.isEmpty(), withoutEffect::toString);
            }
        }
    }

    private static CpuidEntry find(CpuidEntry[] entries, int leaf) {
        for (CpuidEntry entry : entries) {
            if (entry.function == leaf && entry.index == 0) {
                return entry;
            }
        }
        throw new AssertionError("no leaf " + Integer.toHexString(leaf));
    }
}
