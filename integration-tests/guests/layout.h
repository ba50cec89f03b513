/* SPDX-License-Identifier: Apache-2.0 */
/* What assembly and C have to agree on. */
#ifndef LAYOUT_H
#define LAYOUT_H

/* Offsets of the GDT. The order of the last two before the TSS is that of SYSRET, by habit. */
#define KERNEL_CODE32 0x08
#define KERNEL_DATA 0x10
#define KERNEL_CODE 0x18
#define USER_DATA 0x20
#define USER_CODE 0x28
#define FIRST_TSS 0x30
#define TSS_DESCRIPTOR_BYTES 16

/* Requested privilege level of a selector. */
#define RPL3 3

#define CPUS_MAX 2

/* A stack for each privilege level of each CPU. */
#define STACK_BYTES 0x4000

/* Where an application processor starts in real mode: page 8 of low memory, which nothing else needs by then. */
#define TRAMPOLINE_PAGE 8

/* Vector stubs are this far apart. */
#define VECTOR_STUB_BYTES 16
#define VECTORS 256

#endif
