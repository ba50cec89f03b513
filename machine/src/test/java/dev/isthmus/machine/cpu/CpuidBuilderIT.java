// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.machine.accel.Vcpu;
import dev.isthmus.machine.accel.kvm.KvmAccelerator;
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
        try (KvmAccelerator accelerator = KvmAccelerator.open()) {
            CpuidBuilder builder = new CpuidBuilder(
                    accelerator.supportedCpuid(), CpuModel.parse(model), cpus, CpuidOptions.DEFAULT);
            for (int i = 0; i < cpus; i++) {
                Vcpu vcpu = accelerator.createVcpu(i);
                CpuidEntry[] built = builder.forVcpu(i);

                vcpu.setCpuid(built);

                assertEquals(List.of(), CpuidSample.difference(lasting(built), lasting(vcpu.cpuid())));
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
}
