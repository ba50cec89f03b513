// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm;

/** A text that was awaited on a serial line did not come. */
public final class SerialTextException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Why the wait is over. */
    public enum Reason {
        /** The time is over; the VM is still there. */
        TIMED_OUT,
        /** The VM has ended, so that nothing can come any more. */
        VM_ENDED
    }

    private final Reason reason;

    SerialTextException(String message, Reason reason) {
        super(message);
        this.reason = reason;
    }

    /** Returns why the wait is over. */
    public Reason reason() {
        return reason;
    }
}
