/**
 * The way out of Java: one downcall handle over libc's {@code syscall(2)}, and the native memory its
 * arguments use.
 *
 * <p>Not exported. Failures are returned as the negated error number, as the kernel itself does; turning them
 * into exceptions is the callers' part.
 */
@NullMarked
package dev.isthmus.kvm.ffi;

import org.jspecify.annotations.NullMarked;
