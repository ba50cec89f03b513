// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.cpu;

/** The registers that CPUID answers in. */
enum CpuidRegister {
    EAX,
    EBX,
    ECX,
    EDX
}
