// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.LinkedHashMap;
import java.util.Map;

import dev.isthmus.machine.VmException;
import dev.isthmus.vmm.VmResult;

/**
 * The exit statuses of the command. Those of a guest's own choice are odd, as with QEMU's isa-debug-exit, all others
 * but those that end by a signal are even: neither is taken for the other.
 */
final class ExitStatus {
    /** The guest powered off, or reset under {@code --no-reboot}. */
    static final int OK = 0;

    /** Wrong usage or configuration. */
    static final int USAGE = 2;

    /** The host can't run VMs. */
    static final int HOST_UNSUPPORTED = 4;

    /** The host failed while running. */
    static final int HOST_FAULT = 6;

    /** A fault of Isthmus itself. */
    static final int INTERNAL_ERROR = 8;

    /** The guest's kernel panicked. */
    static final int PANICKED = 34;

    /** Triple fault. */
    static final int TRIPLE_FAULT = 36;

    /** KVM could not continue. */
    static final int KVM_FAILURE = 38;

    /** {@code image check}: the image is damaged. As qemu-img's 2. */
    static final int CHECK_CORRUPT = 40;

    /** {@code image check}: clusters are leaked, nothing else. As qemu-img's 3. */
    static final int CHECK_LEAKS = 42;

    /** {@code image check} could not be completed. As qemu-img's 1. */
    static final int CHECK_INCOMPLETE = 44;

    /** {@code image check} does not know the format. As qemu-img's 63. */
    static final int CHECK_UNSUPPORTED = 46;

    /** {@code --timeout} ran out; as timeout(1) has it. */
    static final int TIMED_OUT = 124;

    /** Ended by signal n: 128 + n, as shells have it. Ctrl-a x counts as SIGINT. */
    static final int SIGNAL_BASE = 128;

    /** Ended by SIGINT, or by Ctrl-a x. */
    static final int INTERRUPTED = SIGNAL_BASE + 2;

    private ExitStatus() {}

    /** The status of a value written to the debug-exit port: odd, so that it is none of the others. */
    static int ofDebugExit(int value) {
        return (value << 1 | 1) & 0xff;
    }

    /** The status of a VM that has ended by itself; instanceof because a pattern switch costs start-up time. */
    static int of(VmResult result) {
        if (result instanceof VmResult.DebugExit debugExit) {
            return ofDebugExit(debugExit.value());
        }
        if (result instanceof VmResult.PoweredOff || result instanceof VmResult.Reset) {
            return OK;
        }
        if (result instanceof VmResult.Panicked) {
            return PANICKED;
        }
        if (result instanceof VmResult.TripleFault) {
            return TRIPLE_FAULT;
        }
        if (result instanceof VmResult.KvmFailure) {
            return KVM_FAILURE;
        }
        if (result instanceof VmResult.TimedOut) {
            return TIMED_OUT;
        }
        return INTERRUPTED;
    }

    /** The status of an exception that kept a VM from starting or running. */
    static int of(Throwable failure) {
        if (failure instanceof VmException.Configuration) {
            return USAGE;
        }
        if (failure instanceof VmException.HostUnsupported) {
            return HOST_UNSUPPORTED;
        }
        if (failure instanceof VmException.HostFault || failure instanceof OutOfMemoryError) {
            return HOST_FAULT;
        }
        return INTERNAL_ERROR;
    }

    /** The table for the help, which the README repeats. */
    static Map<String, String> descriptions() {
        Map<String, String> table = new LinkedHashMap<>();
        table.put("0", "the guest powered off (or reset under --no-reboot)");
        table.put("odd", "(value << 1 | 1) & 255: the guest wrote value to the debug-exit port");
        table.put("2", "wrong usage or configuration");
        table.put("4", "the host can't: no /dev/kvm, no permission, a missing capability");
        table.put("6", "a host error while running (disk, memory)");
        table.put("8", "a fault of Isthmus itself");
        table.put("34", "guest panic (pvpanic)");
        table.put("36", "triple fault");
        table.put("38", "KVM could not continue");
        table.put("124", "--timeout ran out");
        table.put("129, 130, 143", "ended by SIGHUP, SIGINT (or Ctrl-a x), SIGTERM");
        return table;
    }

    /** The table for the help of {@code isthmus demo}, whose guest reports the status of a command. */
    static Map<String, String> demoDescriptions() {
        Map<String, String> table = new LinkedHashMap<>();
        table.put("status", "with a COMMAND, its exit status in the guest");
        Map<String, String> others = descriptions();
        others.remove("odd");
        table.putAll(others);
        return table;
    }
}
