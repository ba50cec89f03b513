// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.testing.machine;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import dev.isthmus.kvm.Kvm;
import dev.isthmus.machine.GuestRam;
import dev.isthmus.machine.MachineLayout;
import dev.isthmus.machine.MemoryConfig;
import dev.isthmus.machine.accel.Accelerator;
import dev.isthmus.machine.accel.Vcpu;
import dev.isthmus.machine.accel.kvm.KvmAccelerator;
import dev.isthmus.machine.boot.InitialCpuState;
import dev.isthmus.memory.GuestMemory;

/**
 * RAM and vCPUs on real KVM without a machine around them, for tests that look at single exits.
 *
 * <p>The code lies at {@link #CODE_GPA}. {@link #start} puts vCPU 0 there in one of the processor's modes, with a GDT of
 * flat segments for both privilege levels and, in long mode, the first GiB identity-mapped, open to CPL 3.
 */
public final class BareVm implements AutoCloseable {
    /** Where the code lies, and in real mode the base of all segments. */
    public static final int CODE_GPA = 0x1_0000;

    /** Initial stack pointer, growing down; in real mode an offset in the segment. */
    public static final int STACK = 0x8000;

    /** Selector of flat 64-bit (in 32-bit mode, 32-bit) code at CPL 0. */
    public static final int KERNEL_CODE = 0x08;

    /** Selector of flat data at CPL 0. */
    public static final int KERNEL_DATA = 0x10;

    /** Selector of flat 64-bit code at CPL 3. */
    public static final int USER_CODE = 0x18 | 3;

    /** Selector of flat data at CPL 3. */
    public static final int USER_DATA = 0x20 | 3;

    private static final long RAM_BYTES = 2 << 20;
    private static final long PAGE_TABLE_BYTES = 4096;
    private static final long PRESENT_WRITABLE_USER = 7;
    private static final long LARGE_PAGE = 1 << 7;

    private static final long DESCRIPTOR_CODE_32 = 0x00cf_9b00_0000_ffffL;
    private static final long DESCRIPTOR_CODE_64 = 0x00af_9b00_0000_ffffL;
    private static final long DESCRIPTOR_DATA = 0x00cf_9300_0000_ffffL;
    private static final int GDT_ENTRIES = 5;
    private static final long DPL_3 = 3L << 45;

    private final Accelerator accelerator;
    private final GuestRam ram;
    private final List<Vcpu> vcpus = new ArrayList<>();

    private BareVm(Accelerator accelerator, GuestRam ram) {
        this.accelerator = accelerator;
        this.ram = ram;
    }

    /** Makes a VM with interrupt controllers. */
    public static BareVm create(GuestCode code, int vcpus) {
        return create(code, vcpus, true);
    }

    /** Makes a VM with or without interrupt controllers; HLT exits only without. */
    public static BareVm create(GuestCode code, int vcpuCount, boolean interruptControllers) {
        KvmAccelerator accelerator = KvmAccelerator.open(Kvm.DEFAULT_PATH, interruptControllers);
        GuestRam ram = GuestRam.allocate("bare-vm", RAM_BYTES, MemoryConfig.DEFAULT);
        accelerator.addRam(ram.memory().regions().get(0));
        byte[] bytes = code.bytes();
        ram.memory().write(CODE_GPA, bytes, 0, bytes.length);
        BareVm vm = new BareVm(accelerator, ram);
        for (int i = 0; i < vcpuCount; i++) {
            Vcpu vcpu = accelerator.createVcpu(i);
            vcpu.setCpuid(accelerator.supportedCpuid());
            vm.vcpus.add(vcpu);
        }
        return vm;
    }

    /** Returns the accelerator. */
    public Accelerator accelerator() {
        return accelerator;
    }

    /** Returns the RAM, 2 MiB from 0. */
    public GuestMemory memory() {
        return ram.memory();
    }

    /** Returns a vCPU. */
    public Vcpu vcpu(int index) {
        return vcpus.get(index);
    }

    /** Puts vCPU 0 at the start of the code; the calling thread becomes its thread. */
    public Vcpu start(InitialCpuState.Mode mode) {
        Vcpu vcpu = vcpus.get(0);
        vcpu.setInitialState(initialState(mode));
        vcpu.attachThread();
        return vcpu;
    }

    /** Returns the state that {@link #start} sets, and writes the tables that it needs to RAM. */
    public InitialCpuState initialState(InitialCpuState.Mode mode) {
        if (mode == InitialCpuState.Mode.REAL) {
            int selector = CODE_GPA >> 4;
            return new InitialCpuState(mode, 0, STACK, 0, 0, 0, 0, 0, selector, selector);
        }
        boolean longMode = mode == InitialCpuState.Mode.LONG;
        long[] gdt = {
            0,
            longMode ? DESCRIPTOR_CODE_64 : DESCRIPTOR_CODE_32,
            DESCRIPTOR_DATA,
            DESCRIPTOR_CODE_64 | DPL_3,
            DESCRIPTOR_DATA | DPL_3,
        };
        for (int i = 0; i < gdt.length; i++) {
            memory().writeU64(MachineLayout.GDT_GPA + (long) i * Long.BYTES, gdt[i]);
        }
        if (longMode) {
            long cr3 = MachineLayout.PAGE_TABLES_GPA;
            memory().writeU64(cr3, (cr3 + PAGE_TABLE_BYTES) | PRESENT_WRITABLE_USER);
            memory().writeU64(cr3 + PAGE_TABLE_BYTES, (cr3 + 2 * PAGE_TABLE_BYTES) | PRESENT_WRITABLE_USER);
            for (int i = 0; i < 512; i++) {
                long entry = ((long) i << 21) | PRESENT_WRITABLE_USER | LARGE_PAGE;
                memory().writeU64(cr3 + 2 * PAGE_TABLE_BYTES + (long) i * Long.BYTES, entry);
            }
        }
        return stateAt(mode, CODE_GPA);
    }

    /** Returns the state of protected or long mode with another instruction pointer. */
    public InitialCpuState stateAt(InitialCpuState.Mode mode, long rip) {
        long cr3 = mode == InitialCpuState.Mode.LONG ? MachineLayout.PAGE_TABLES_GPA : 0;
        return new InitialCpuState(
                mode,
                rip,
                STACK,
                0,
                0,
                cr3,
                MachineLayout.GDT_GPA,
                GDT_ENTRIES * Long.BYTES - 1,
                KERNEL_CODE,
                KERNEL_DATA);
    }

    /** The longest that a test waits for anything. */
    public static Duration patience() {
        return Duration.ofSeconds(30);
    }

    @Override
    public void close() {
        accelerator.close();
        ram.close();
    }
}
