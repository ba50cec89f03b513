/**
 * What Linux gives a virtual machine monitor: mappings, event file descriptors, files, terminals, sockets,
 * signals.
 *
 * <p>Every call that fails throws {@link dev.isthmus.kvm.linux.ErrnoException}, except where a method's
 * documentation names an outcome of its own for it ("would block", "no such thread"). Calls interrupted by a
 * signal are repeated, unless waiting is their purpose.
 */
@NullMarked
package dev.isthmus.kvm.linux;

import org.jspecify.annotations.NullMarked;
