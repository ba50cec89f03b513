// SPDX-License-Identifier: Apache-2.0
/**
 * The library: Linux guests and bare-metal guests on KVM, many in one JVM.
 *
 * <p>{@link dev.isthmus.vmm.Vm#builder()} starts one, {@link dev.isthmus.vmm.VmSerial} talks with it,
 * {@link dev.isthmus.vmm.Vm#awaitExit(java.time.Duration)} says how it ended. What keeps a VM from starting comes as a
 * {@link dev.isthmus.machine.VmException}, whose message names the cause and whose
 * {@linkplain dev.isthmus.machine.VmException#remedy() remedy} says what to do. The library never ends the process,
 * never touches signal handlers, and leaves nothing behind when a VM closes: no thread, file descriptor or mapping.
 *
 * <p>The program needs {@code --enable-native-access=dev.isthmus.kvm,com.github.luben.zstd_jni} (on the class path:
 * {@code --enable-native-access=ALL-UNNAMED}).
 */
@NullMarked
package dev.isthmus.vmm;

import org.jspecify.annotations.NullMarked;
