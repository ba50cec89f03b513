// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.foreign.Arena;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.testing.kvm.RequiresKvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What the host says about itself. */
@RequiresKvm
class KvmIT {
    private static final int MSR_IA32_TSC = 0x10;
    private static final int UNUSED_CAPABILITY = 10_000;

    private final Kvm kvm = Kvm.open(Kvm.DEFAULT_PATH);
    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void close() {
        kvm.close();
        arena.close();
    }

    @Test
    void apiVersionIsTheOneWeKnow() {
        assertEquals(Kvm.KVM_API_VERSION, kvm.apiVersion());
    }

    @Test
    void capabilitiesThatIsthmusNeedsAreThere() {
        assertEquals(1, kvm.checkExtension(KvmCap.KVM_CAP_USER_MEMORY));
        assertEquals(1, kvm.checkExtension(KvmCap.KVM_CAP_IRQCHIP));
        assertEquals(1, kvm.checkExtension(KvmCap.KVM_CAP_IMMEDIATE_EXIT));
        assertTrue(kvm.checkExtension(KvmCap.KVM_CAP_NR_MEMSLOTS) >= 32);
        assertTrue(kvm.checkExtension(KvmCap.KVM_CAP_MAX_VCPUS) >= 1);
    }

    @Test
    void unknownCapabilityIsNotThere() {
        assertEquals(0, kvm.checkExtension(UNUSED_CAPABILITY));
    }

    @Test
    void supportedCpuidHasTheVendorLeaf() {
        CpuidTable table = new CpuidTable(arena, CpuidTable.MAX_ENTRIES);

        kvm.supportedCpuid(table);

        int vendor = table.find(0, 0);
        assertNotEquals(-1, vendor);
        assertTrue(table.eax(vendor) >= 1, "leaf 1 is there, too");
        assertNotEquals(0, table.ebx(vendor));
        assertTrue(table.nent() < table.capacity(), "the table is full");
    }

    @Test
    void supportedCpuidDoesNotFitIntoOneEntry() {
        CpuidTable table = new CpuidTable(arena, 1);

        ErrnoException e = assertThrows(ErrnoException.class, () -> kvm.supportedCpuid(table));

        assertEquals("KVM_GET_SUPPORTED_CPUID(CpuidTable): E2BIG (Argument list too long)", e.getMessage());
    }

    @Test
    void msrsOfAGuestIncludeItsTimeStampCounter() {
        MsrIndexList list = kvm.msrIndexList(arena);

        assertTrue(list.nmsrs() > 10);
        assertTrue(list.contains(MSR_IA32_TSC));
    }

    @Test
    void everyFeatureMsrCanBeRead() {
        MsrIndexList indices = kvm.msrFeatureIndexList(arena);
        MsrList msrs = new MsrList(arena, Math.max(1, indices.nmsrs()));
        for (int i = 0; i < indices.nmsrs(); i++) {
            msrs.add(indices.index(i), 0);
        }

        assertEquals(indices.nmsrs(), kvm.msrs(msrs));
    }

    @Test
    void vcpuSharesWholePages() {
        assertTrue(kvm.vcpuMmapSizeBytes() >= 4096);
        assertEquals(0, kvm.vcpuMmapSizeBytes() % 4096);
    }

    @Test
    void vmsAndVcpusOutliveTheSystemDescriptor() {
        try (VmFd vm = kvm.createVm()) {
            kvm.close();

            try (VcpuFd vcpu = vm.createVcpu(0)) {
                assertEquals(0, vcpu.id());
            }
        }
    }

    @Test
    void secondVcpuOfTheSameNumberIsRefused() {
        try (VmFd vm = kvm.createVm();
                VcpuFd first = vm.createVcpu(3)) {
            ErrnoException e = assertThrows(ErrnoException.class, () -> vm.createVcpu(3));

            assertEquals(Errno.EEXIST, e.errno());
            assertEquals("KVM_CREATE_VCPU(0x3): EEXIST (File exists)", e.getMessage());
            assertTrue(first.fd().isOpen());
        }
    }

    @Test
    void closedKvmRefusesCalls() {
        kvm.close();

        assertThrows(IllegalStateException.class, kvm::createVm);
    }

    @Test
    void whatIsNotKvmIsNoKvm() {
        ErrnoException missing = assertThrows(ErrnoException.class, () -> Kvm.open("/dev/nokvm"));
        ErrnoException other = assertThrows(ErrnoException.class, () -> Kvm.open("/dev/null"));

        assertEquals(Errno.ENOENT, missing.errno());
        assertEquals(Errno.ENOTTY, other.errno());
        assertFalse(other.getMessage().isEmpty());
    }
}
