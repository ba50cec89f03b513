// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

/**
 * A system call failed. The message names the call, its argument and the error:
 * {@code KVM_SET_USER_MEMORY_REGION(slot 0, …): EINVAL (Invalid argument)}.
 */
public final class ErrnoException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String message;
    private final String call;
    private final String argument;
    private final int errno;

    /**
     * A failure of {@code call}.
     *
     * @param call the system call's name, or the ioctl's
     * @param argument what it was asked to do, empty where there is nothing to say
     * @param errno the error number, positive
     */
    public ErrnoException(String call, String argument, int errno) {
        this.message =
                call + "(" + argument + "): " + Errno.name(errno) + " (" + Errno.text(errno) + ")";
        this.call = call;
        this.argument = argument;
        this.errno = errno;
    }

    /**
     * For a failed call's result.
     *
     * @param result a negated error number
     */
    public static ErrnoException of(String call, String argument, long result) {
        return new ErrnoException(call, argument, (int) -result);
    }

    /** What failed and why, in one line. */
    @Override
    public String getMessage() {
        return message;
    }

    /** The system call's name, or the ioctl's. */
    public String call() {
        return call;
    }

    /** What the call was asked to do. */
    public String argument() {
        return argument;
    }

    /** The error number, one of {@link Errno}'s. */
    public int errno() {
        return errno;
    }

    /** The error's name, such as {@code EINVAL}. */
    public String errnoName() {
        return Errno.name(errno);
    }
}
