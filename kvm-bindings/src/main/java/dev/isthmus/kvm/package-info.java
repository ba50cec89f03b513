/**
 * KVM, one type for each kind of its file descriptors: {@link dev.isthmus.kvm.Kvm} (the system),
 * {@link dev.isthmus.kvm.VmFd} and {@link dev.isthmus.kvm.VcpuFd}, the shared page {@link
 * dev.isthmus.kvm.KvmRun}, and the structs passed to them.
 *
 * <p>Names and meanings are those of the kernel's {@code Documentation/virt/kvm/api.rst}. Structs are native
 * memory that the caller allocates and uses again: a call copies nothing and allocates nothing.
 */
@NullMarked
package dev.isthmus.kvm;

import org.jspecify.annotations.NullMarked;
