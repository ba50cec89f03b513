// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.accel.kvm;

import dev.isthmus.kvm.ExitReason;
import dev.isthmus.kvm.KvmRun;
import dev.isthmus.machine.accel.ExitKind;
import dev.isthmus.machine.accel.VcpuExit;

/** The latest exit of a {@link KvmVcpu}, read in place from the page that KVM shares. */
final class KvmVcpuExit implements VcpuExit {
    private final KvmRun run;
    private ExitKind kind = ExitKind.INTERRUPTED;

    KvmVcpuExit(KvmRun run) {
        this.run = run;
    }

    /** KVM_RUN returned EINTR or EAGAIN: nothing but the kind is valid. */
    VcpuExit interrupted() {
        kind = ExitKind.INTERRUPTED;
        return this;
    }

    /** KVM_RUN returned 0. */
    VcpuExit decode() {
        kind = switch (run.exitReason()) {
            case ExitReason.KVM_EXIT_IO ->
                run.ioDirection() == KvmRun.KVM_EXIT_IO_OUT ? ExitKind.PORT_WRITE : ExitKind.PORT_READ;
            case ExitReason.KVM_EXIT_MMIO -> run.mmioIsWrite() ? ExitKind.MMIO_WRITE : ExitKind.MMIO_READ;
            case ExitReason.KVM_EXIT_HLT -> ExitKind.HALT;
            case ExitReason.KVM_EXIT_SHUTDOWN -> ExitKind.SHUTDOWN;
            case ExitReason.KVM_EXIT_SYSTEM_EVENT -> systemEvent();
            case ExitReason.KVM_EXIT_FAIL_ENTRY -> ExitKind.FAIL_ENTRY;
            case ExitReason.KVM_EXIT_INTERNAL_ERROR -> ExitKind.INTERNAL_ERROR;
            case ExitReason.KVM_EXIT_DEBUG -> ExitKind.DEBUG;
            case ExitReason.KVM_EXIT_INTR -> ExitKind.INTERRUPTED;
            default -> ExitKind.UNKNOWN;
        };
        return this;
    }

    private ExitKind systemEvent() {
        return switch (run.systemEventType()) {
            case KvmRun.KVM_SYSTEM_EVENT_SHUTDOWN -> ExitKind.POWER_OFF;
            case KvmRun.KVM_SYSTEM_EVENT_RESET -> ExitKind.RESET;
            case KvmRun.KVM_SYSTEM_EVENT_CRASH -> ExitKind.CRASH;
            default -> ExitKind.UNKNOWN;
        };
    }

    @Override
    public ExitKind kind() {
        return kind;
    }

    @Override
    public int port() {
        return run.ioPort();
    }

    @Override
    public int sizeBytes() {
        return kind == ExitKind.MMIO_READ || kind == ExitKind.MMIO_WRITE ? run.mmioLen() : run.ioSizeBytes();
    }

    @Override
    public int count() {
        return run.ioCount();
    }

    @Override
    public long portData(int access) {
        return Integer.toUnsignedLong(run.ioData(access));
    }

    @Override
    public void setPortData(int access, long value) {
        run.ioData(access, (int) value);
    }

    @Override
    public long mmioGpa() {
        return run.mmioPhysAddr();
    }

    @Override
    public long mmioData() {
        return run.mmioData() & (-1L >>> (Long.SIZE - run.mmioLen() * Byte.SIZE));
    }

    @Override
    public void setMmioData(long value) {
        run.mmioData(value);
    }

    @Override
    public long debugAddress() {
        return run.debugPc();
    }

    @Override
    public byte[] instructionBytes() {
        if (kind != ExitKind.INTERNAL_ERROR || run.internalSuberror() != KvmRun.KVM_INTERNAL_ERROR_EMULATION) {
            return new byte[0];
        }
        byte[] bytes = new byte[run.emulationFailureInsnSize()];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) run.emulationFailureInsnByte(i);
        }
        return bytes;
    }

    @Override
    public String describe() {
        return switch (kind) {
            case PORT_READ, PORT_WRITE ->
                "KVM_EXIT_IO " + (kind == ExitKind.PORT_WRITE ? "out" : "in") + ", port " + hex(port()) + ", size "
                        + sizeBytes() + ", count " + count();
            case MMIO_READ, MMIO_WRITE ->
                "KVM_EXIT_MMIO " + (kind == ExitKind.MMIO_WRITE ? "write" : "read") + ", phys_addr " + hex(mmioGpa())
                        + ", len " + sizeBytes();
            case HALT -> "KVM_EXIT_HLT";
            case SHUTDOWN -> "KVM_EXIT_SHUTDOWN";
            case POWER_OFF, RESET, CRASH -> describeSystemEvent();
            case FAIL_ENTRY ->
                "KVM_EXIT_FAIL_ENTRY, hardware_entry_failure_reason " + hex(run.failEntryReason()) + ", host cpu "
                        + run.failEntryCpu();
            case INTERNAL_ERROR -> describeInternalError();
            case DEBUG ->
                "KVM_EXIT_DEBUG, exception " + run.debugException() + ", pc " + hex(run.debugPc()) + ", dr6 "
                        + hex(run.debugDr6());
            case INTERRUPTED -> "interrupted";
            case UNKNOWN -> describeUnknown();
        };
    }

    private String describeUnknown() {
        int reason = run.exitReason();
        if (reason == ExitReason.KVM_EXIT_SYSTEM_EVENT) {
            return describeSystemEvent();
        }
        if (reason == ExitReason.KVM_EXIT_UNKNOWN) {
            return "KVM_EXIT_UNKNOWN, hardware_exit_reason " + hex(run.hardwareExitReason());
        }
        return "KVM exit_reason " + reason;
    }

    private String describeSystemEvent() {
        StringBuilder text = new StringBuilder("KVM_EXIT_SYSTEM_EVENT, type ").append(run.systemEventType());
        for (int i = 0; i < run.systemEventNdata(); i++) {
            text.append(i == 0 ? ", data " : " ").append(hex(run.systemEventData(i)));
        }
        return text.toString();
    }

    private String describeInternalError() {
        StringBuilder text = new StringBuilder("KVM_EXIT_INTERNAL_ERROR, suberror ").append(run.internalSuberror());
        text.append(switch (run.internalSuberror()) {
            case KvmRun.KVM_INTERNAL_ERROR_EMULATION -> " (an instruction that KVM can't emulate)";
            case KvmRun.KVM_INTERNAL_ERROR_SIMUL_EX -> " (simultaneous exceptions)";
            case KvmRun.KVM_INTERNAL_ERROR_DELIVERY_EV -> " (an exit while an event was being delivered)";
            case KvmRun.KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON -> " (an exit that KVM does not know)";
            default -> "";
        });
        for (int i = 0; i < run.internalNdata(); i++) {
            text.append(i == 0 ? ", data " : " ").append(hex(run.internalData(i)));
        }
        return text.toString();
    }

    private static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }
}
