// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.kvm.CpuidTable;
import dev.isthmus.kvm.Kvm;
import dev.isthmus.kvm.VcpuFd;
import dev.isthmus.kvm.VmFd;
import dev.isthmus.testing.kvm.RequiresKvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

/**
 * This host's KVM takes what is built of its own supported CPUID. It may change what follows the guest's registers
 * (OSXSAVE, the sizes in leaf 0xd); a PVM-based one shows the host's features in leaves 1, 7 and 0xd whatever it is given.
 */
@RequiresKvm
class CpuidBuilderIT {
    @ParameterizedTest
    @CsvSource({
        "host, 1",
        "host, 2",
        "'host,-avx512f,-xsaves', 2",
        "'host,-xsave,-kvm-pv-ipi', 3",
    })
    void kvmTakesWhatIsBuiltAndKeepsTopologyAndIds(String model, int cpus) {
        try (Arena arena = Arena.ofConfined();
                Kvm kvm = Kvm.open(Kvm.DEFAULT_PATH);
                VmFd vm = kvm.createVm()) {
            vm.createIrqchip();
            CpuidBuilder builder =
                    new CpuidBuilder(supported(kvm, arena), CpuModel.parse(model), cpus, CpuidOptions.DEFAULT);
            for (int i = 0; i < cpus; i++) {
                try (VcpuFd vcpu = vm.createVcpu(i)) {
                    CpuidEntry[] built = builder.forVcpu(i);
                    vcpu.setCpuid2(toKvm(built, arena));

                    CpuidTable kept = table(arena);
                    vcpu.getCpuid2(kept);

                    assertEquals(List.of(), CpuidSample.difference(lasting(built), lasting(fromKvm(kept))));
                }
            }
        }
    }

    /** Keeps what KVM leaves alone: all but features that follow the guest's registers or the host. */
    private static CpuidEntry[] lasting(CpuidEntry[] entries) {
        List<CpuidEntry> lasting = new ArrayList<>();
        for (CpuidEntry entry : entries) {
            switch (entry.function) {
                case CpuidLeaf.FEATURES ->
                    lasting.add(new CpuidEntry(entry.function, 0, 0, entry.eax, entry.ebx, 0, 0));
                case CpuidLeaf.EXTENDED_FEATURES, CpuidLeaf.XSAVE -> {}
                default -> lasting.add(entry);
            }
        }
        return lasting.toArray(new CpuidEntry[0]);
    }

    private static CpuidEntry[] supported(Kvm kvm, Arena arena) {
        CpuidTable table = table(arena);
        kvm.supportedCpuid(table);
        return fromKvm(table);
    }

    private static CpuidTable table(Arena arena) {
        return new CpuidTable(arena, CpuidTable.MAX_ENTRIES);
    }

    private static CpuidEntry[] fromKvm(CpuidTable table) {
        CpuidEntry[] entries = new CpuidEntry[table.nent()];
        for (int i = 0; i < entries.length; i++) {
            entries[i] = new CpuidEntry(
                    table.function(i),
                    table.index(i),
                    table.flags(i),
                    table.eax(i),
                    table.ebx(i),
                    table.ecx(i),
                    table.edx(i));
        }
        return entries;
    }

    private static CpuidTable toKvm(CpuidEntry[] entries, Arena arena) {
        CpuidTable table = table(arena);
        for (CpuidEntry entry : entries) {
            int at = table.add(entry.function, entry.index, entry.flags);
            table.set(at, entry.eax, entry.ebx, entry.ecx, entry.edx);
        }
        return table;
    }
}
