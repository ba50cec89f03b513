/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the entry of each processor to cpu_start() in long mode, at CPL 0, on a stack of its own.
 *
 * The first one comes by PVH (Xen, docs/misc/pvh.pandoc): protected mode without paging, flat segments, interrupts off,
 * EBX = hvm_start_info. The others come by INIT and SIPI in real mode.
 */
#include "layout.h"

#define XEN_ELFNOTE_PHYS32_ENTRY 18

#define CR0_PE (1 << 0)
#define CR0_PG (1 << 31)
#define CR4_PAE (1 << 5)
#define MSR_EFER 0xc0000080
#define EFER_LME (1 << 8)

/* Entries of page tables. Accessed and dirty are set from the start: nobody has to write them later. */
#define PAGE_TABLE 0x27         /* present, writable, user, accessed */
#define PAGE_2M 0xe7            /* and dirty, large */
#define PAGE_UNCACHED 0x18      /* PWT, PCD */

    .section .note.pvh, "a", @note
    .long   4, 8, XEN_ELFNOTE_PHYS32_ENTRY  /* sizes of name and descriptor */
    .asciz  "Xen"
    .quad   pvh_start

    .text
    .code32
    .globl  pvh_start
pvh_start:
    lgdt    gdt_pointer
    ljmp    $KERNEL_CODE32, $enter_long_mode

/* EBX = hvm_start_info, or 0. */
enter_long_mode:
    mov     $KERNEL_DATA, %eax
    mov     %eax, %ds
    mov     %eax, %es
    mov     %eax, %ss
    mov     $pml4, %eax
    mov     %eax, %cr3
    mov     $CR4_PAE, %eax
    mov     %eax, %cr4
    mov     $MSR_EFER, %ecx
    rdmsr
    or      $EFER_LME, %eax
    wrmsr
    mov     %cr0, %eax
    or      $(CR0_PE | CR0_PG), %eax
    mov     %eax, %cr0
    ljmp    $KERNEL_CODE, $long_mode

    .code64
long_mode:
    /* The number of this CPU, in the order of arrival, and its stack. */
    mov     $1, %edi
    lock xadd %edi, cpus_arrived(%rip)
    mov     %edi, %eax
    inc     %eax
    imul    $STACK_BYTES, %eax, %eax
    lea     kernel_stacks(%rax), %rsp
    mov     %ebx, %esi
    call    cpu_start               /* (number, start info); does not return */
    ud2

/* Copied to TRAMPOLINE_PAGE, where the segment registers make every address relative to its start. */
    .code16
    .globl  trampoline, trampoline_end
trampoline:
    cli
    lgdtl   %cs:(trampoline_gdt_pointer - trampoline)
    mov     %cr0, %eax
    or      $CR0_PE, %eax
    mov     %eax, %cr0
    xor     %ebx, %ebx
    ljmpl   $KERNEL_CODE32, $enter_long_mode
    .balign 4
trampoline_gdt_pointer:
    .word   gdt_end - gdt - 1
    .long   gdt
trampoline_end:

    .data
    .balign 16
    .globl  gdt
gdt:
    .quad   0
    .quad   0x00cf9b000000ffff      /* KERNEL_CODE32 */
    .quad   0x00cf93000000ffff      /* KERNEL_DATA */
    .quad   0x00af9b000000ffff      /* KERNEL_CODE */
    .quad   0x00cff3000000ffff      /* USER_DATA */
    .quad   0x00affb000000ffff      /* USER_CODE */
    .fill   CPUS_MAX * TSS_DESCRIPTOR_BYTES, 1, 0
gdt_end:
    .word   0                       /* aligns the base behind the limit */
gdt_pointer:
    .word   gdt_end - gdt - 1
    .quad   gdt

cpus_arrived:
    .long   0

/*
 * 4 GiB, each address its own, for all privilege levels; made here because a host that interprets CPL 0 would take
 * milliseconds for it. The last GiB has devices and is uncached.
 */
    .balign 4096
pml4:
    .quad   pdpt + PAGE_TABLE
    .fill   511, 8, 0
pdpt:
    .quad   page_directories + 0x0000 + PAGE_TABLE
    .quad   page_directories + 0x1000 + PAGE_TABLE
    .quad   page_directories + 0x2000 + PAGE_TABLE
    .quad   page_directories + 0x3000 + PAGE_TABLE
    .fill   508, 8, 0
page_directories:
    .set    page, 0
    .rept   3 * 512
    .quad   (page << 21) + PAGE_2M
    .set    page, page + 1
    .endr
    .rept   512
    .quad   (page << 21) + PAGE_2M + PAGE_UNCACHED
    .set    page, page + 1
    .endr

    .bss
    .balign 16
    .globl  kernel_stacks, user_stacks
kernel_stacks:
    .skip   CPUS_MAX * STACK_BYTES
user_stacks:
    .skip   CPUS_MAX * STACK_BYTES
