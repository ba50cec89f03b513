# SPDX-License-Identifier: Apache-2.0
# A PVH kernel of one instruction: it writes to the debug-exit port, which ends the VM.
#   as --64 one_instruction.S -o one.o && ld -n --build-id=none -Ttext=0x100000 one.o -o one.elf
    .section .note.pvh, "a", @note
    .long   4, 4, 18                # name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz  "Xen"
    .long   _start
    .text
    .code32
    .globl  _start
_start:
    out     %al, $0xf4
