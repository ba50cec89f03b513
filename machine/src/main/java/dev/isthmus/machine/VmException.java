// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import org.jspecify.annotations.Nullable;

/**
 * What keeps a VM from starting or running, for the user to read: one line with the cause, one with the remedy.
 *
 * <p>The kinds are those of the command's exit statuses. A guest's own doing never shows as an exception.
 */
public abstract sealed class VmException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String remedy;

    private VmException(String message, String remedy, @Nullable Throwable cause) {
        super(message, cause);
        this.remedy = remedy;
    }

    /** Returns what the user can do about it: a whole sentence, or empty where there is nothing to say. */
    public String remedy() {
        return remedy;
    }

    /** The configuration can't be right: a missing file, a kernel that is no kernel, a bad size. Exit status 2. */
    public static final class Configuration extends VmException {
        private static final long serialVersionUID = 1L;

        /** Makes one with its cause and remedy in words. */
        public Configuration(String message, String remedy) {
            super(message, remedy, null);
        }

        /** Makes one that an exception led to. */
        public Configuration(String message, String remedy, @Nullable Throwable cause) {
            super(message, remedy, cause);
        }
    }

    /** The host can't: no {@code /dev/kvm}, no permission, a missing capability. Exit status 4. */
    public static final class HostUnsupported extends VmException {
        private static final long serialVersionUID = 1L;

        /** Makes one with its cause and remedy in words. */
        public HostUnsupported(String message, String remedy) {
            super(message, remedy, null);
        }

        /** Makes one that an exception led to. */
        public HostUnsupported(String message, String remedy, @Nullable Throwable cause) {
            super(message, remedy, cause);
        }
    }

    /** The host failed while it should have worked: a disk error, no memory left. Exit status 6. */
    public static final class HostFault extends VmException {
        private static final long serialVersionUID = 1L;

        /** Makes one with its cause and remedy in words. */
        public HostFault(String message, String remedy) {
            super(message, remedy, null);
        }

        /** Makes one that an exception led to. */
        public HostFault(String message, String remedy, @Nullable Throwable cause) {
            super(message, remedy, cause);
        }

        /** Makes the fault behind an error of the JVM: the host allows no more threads, or the Java heap is full. */
        public static HostFault of(OutOfMemoryError e) {
            // What Thread.start throws says "unable to create native thread".
            if (String.valueOf(e.getMessage()).contains("thread")) {
                return new HostFault(
                        "The host allows no more threads.",
                        "Raise the limit of processes (ulimit -u; in a container, its pids limit).",
                        e);
            }
            return new HostFault(
                    "There is no memory left on the Java heap.", "Give the JVM more: JAVA_TOOL_OPTIONS=-Xmx4g", e);
        }
    }
}
