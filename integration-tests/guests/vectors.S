/* SPDX-License-Identifier: Apache-2.0 */
/* The ways between CPL 0 and CPL 3: exceptions and interrupts in, iretq out. */
#include "layout.h"

    .text
    .code64

/* Vectors that push an error code themselves: 8, 10 to 14, 17, 21, 29, 30. */
#define HAS_ERROR_CODE 0x60227d00

    .balign VECTOR_STUB_BYTES
    .globl  vector_stubs
vector_stubs:
    .set    vector, 0
    .rept   VECTORS
    .balign VECTOR_STUB_BYTES
    .if     vector >= 32 || !((HAS_ERROR_CODE >> (vector & 31)) & 1)
    push    $0
    .endif
    push    $vector
    jmp     vector_common
    .set    vector, vector + 1
    .endr

vector_common:
    /* struct frame of cpu.h, from its end */
    push    %rax
    push    %rcx
    push    %rdx
    push    %rbx
    push    %rbp
    push    %rsi
    push    %rdi
    push    %r8
    push    %r9
    push    %r10
    push    %r11
    push    %r12
    push    %r13
    push    %r14
    push    %r15
    mov     %rsp, %rdi
    cld
    call    trap
    pop     %r15
    pop     %r14
    pop     %r13
    pop     %r12
    pop     %r11
    pop     %r10
    pop     %r9
    pop     %r8
    pop     %rdi
    pop     %rsi
    pop     %rbp
    pop     %rbx
    pop     %rdx
    pop     %rcx
    pop     %rax
    add     $16, %rsp               /* vector, error code */
    iretq

/* void enter_cpl3(void (*function)(uint64_t), uint64_t argument, void *stack_top); does not return, nor may the function */
    .globl  enter_cpl3
enter_cpl3:
    sub     $8, %rdx                /* as if called */
    mov     $(USER_DATA | RPL3), %eax
    mov     %eax, %ds
    mov     %eax, %es
    push    %rax                    /* SS */
    push    %rdx                    /* RSP */
    push    $2                      /* RFLAGS: nothing but the bit that is always set; interrupts stay off */
    push    $(USER_CODE | RPL3)
    push    %rdi
    mov     %rsi, %rdi
    iretq

/*
 * uint64_t call_gate(uint64_t a, uint64_t b, uint64_t (*function)(uint64_t, uint64_t)): has trap() call the function.
 * An undefined instruction gets there on every host; SYSCALL and INT do not.
 */
    .globl  call_gate, call_gate_instruction
call_gate:
call_gate_instruction:
    ud2
    ret
