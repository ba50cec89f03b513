/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

#include "console.h"
#include "layout.h"
#include "main.h"
#include "text.h"

#define DEBUG_EXIT_PORT 0xf4

/* What the VM ends with after an exception that nobody expects. */
#define EXIT_EXCEPTION 0x7e

#define VECTOR_NMI 2
#define VECTOR_UD 6
#define VECTOR_FIRST_INTERRUPT 32

/* Local APIC (Intel SDM volume 3, chapter 11). */
#define LAPIC 0xfee00000ul
#define LAPIC_EOI 0x0b0
#define LAPIC_SVR 0x0f0
#define LAPIC_SVR_ENABLE 0x100
#define LAPIC_ICR 0x300
#define ICR_INIT 0x00000500
#define ICR_STARTUP 0x00000600
#define ICR_ASSERT 0x00004000
#define ICR_ALL_BUT_SELF 0x000c0000

/* Task-state segment: only the stack for CPL 0 is of use. */
struct tss {
    uint32_t reserved;
    uint32_t rsp0[2];
    uint32_t unused[22];
    uint16_t unused_io, io_map;
};

struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

#define GATE_INTERRUPT 0x8e
#define TSS_AVAILABLE 0x89

/* What lgdt and lidt load. */
struct __attribute__((packed)) table_pointer {
    uint16_t limit;
    uint64_t base;
};

extern uint64_t gdt[];
extern uint8_t vector_stubs[], trampoline[], trampoline_end[], call_gate_instruction[];
extern uint8_t kernel_stacks[CPUS_MAX][STACK_BYTES], user_stacks[CPUS_MAX][STACK_BYTES];

extern uint64_t call_gate(uint64_t a, uint64_t b, uint64_t (*function)(uint64_t, uint64_t));
extern _Noreturn void enter_cpl3(void (*function)(uint64_t), uint64_t argument, void *stack_top);

_Noreturn void cpu_start(uint32_t number, uint32_t start_info);
void trap(struct frame *frame);

static struct tss tss[CPUS_MAX];
static struct gate idt[VECTORS];

static void (*volatile second_cpu_function)(uint64_t);
static volatile uint64_t second_cpu_argument;

static void make_idt(void)
{
    for (unsigned vector = 0; vector < VECTORS; vector++) {
        uintptr_t stub = (uintptr_t)vector_stubs + vector * VECTOR_STUB_BYTES;
        idt[vector] = (struct gate){
            .offset_low = (uint16_t)stub,
            .selector = KERNEL_CODE,
            .type = GATE_INTERRUPT,
            .offset_middle = (uint16_t)(stub >> 16),
        };
    }
}

static void load_tables(uint32_t number)
{
    uintptr_t base = (uintptr_t)&tss[number];
    uintptr_t rsp0 = (uintptr_t)kernel_stacks[number] + STACK_BYTES;
    unsigned selector = FIRST_TSS + number * TSS_DESCRIPTOR_BYTES;
    struct table_pointer idt_pointer = {sizeof idt - 1, (uintptr_t)idt};

    tss[number].rsp0[0] = (uint32_t)rsp0;
    tss[number].io_map = sizeof(struct tss);
    gdt[selector / 8] = (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 | (uint64_t)TSS_AVAILABLE << 40
                        | (base >> 24) << 56;
    gdt[selector / 8 + 1] = 0;
    __asm__ volatile("lidt %0" : : "m"(idt_pointer));
    __asm__ volatile("ltr %w0" : : "r"(selector));
}

/* Where every processor comes from boot.S. */
void cpu_start(uint32_t number, uint32_t start_info)
{
    if (number >= CPUS_MAX)
        for (;;)
            __asm__ volatile("hlt");
    if (number == 0)
        make_idt();
    load_tables(number);
    void *stack_top = user_stacks[number] + STACK_BYTES;
    if (number == 0)
        enter_cpl3(main, start_info, stack_top);
    enter_cpl3(second_cpu_function, second_cpu_argument, stack_top);
}

static _Noreturn void report(const struct frame *frame)
{
    uint64_t cr2;
    __asm__("mov %%cr2, %0" : "=r"(cr2));
    print_text("exception");
    print_field("vector", frame->vector);
    print_hex_field("error_code", frame->error_code);
    print_hex_field("rip", frame->rip);
    print_hex_field("cs", frame->cs);
    print_hex_field("rsp", frame->rsp);
    print_hex_field("cr2", cr2);
    print_text("\n");
    debug_exit(EXIT_EXCEPTION);
}

static volatile uint32_t *lapic(unsigned reg)
{
    return (volatile uint32_t *)(LAPIC + reg);
}

/* Where every exception and interrupt comes from vectors.S, at CPL 0. */
void trap(struct frame *frame)
{
    if (frame->vector == VECTOR_UD && frame->rip == (uintptr_t)call_gate_instruction) {
        uint64_t (*function)(uint64_t, uint64_t) = (uint64_t (*)(uint64_t, uint64_t))frame->rdx;
        frame->rax = function(frame->rdi, frame->rsi);
        frame->rip += 2; /* past the ud2 */
    } else if (frame->vector >= VECTOR_FIRST_INTERRUPT) {
        *lapic(LAPIC_EOI) = 0;
    } else if (frame->vector != VECTOR_NMI) {
        report(frame);
    }
}

uint64_t at_cpl0(uint64_t (*function)(uint64_t, uint64_t), uint64_t a, uint64_t b)
{
    uint16_t cs;
    __asm__("mov %%cs, %0" : "=r"(cs));
    return (cs & RPL3) == 0 ? function(a, b) : call_gate(a, b, function);
}

static void wait_loops(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        cpu_relax();
}

static uint64_t send_startup(uint64_t unused_a, uint64_t unused_b)
{
    (void)unused_a;
    (void)unused_b;
    copy_bytes((void *)(TRAMPOLINE_PAGE * 4096ul), trampoline, (size_t)(trampoline_end - trampoline));
    *lapic(LAPIC_SVR) = LAPIC_SVR_ENABLE | 0xff;
    *lapic(LAPIC_ICR) = ICR_INIT | ICR_ASSERT | ICR_ALL_BUT_SELF;
    wait_loops(1000);
    *lapic(LAPIC_ICR) = ICR_STARTUP | ICR_ASSERT | ICR_ALL_BUT_SELF | TRAMPOLINE_PAGE;
    return 0;
}

void start_second_cpu(void (*function)(uint64_t), uint64_t argument)
{
    second_cpu_argument = argument;
    second_cpu_function = function;
    at_cpl0(send_startup, 0, 0);
}

static uint64_t in(uint64_t port, uint64_t width_bytes)
{
    uint32_t value = 0;
    if (width_bytes == 1)
        __asm__ volatile("inb %w1, %b0" : "+a"(value) : "d"(port));
    else if (width_bytes == 2)
        __asm__ volatile("inw %w1, %w0" : "+a"(value) : "d"(port));
    else
        __asm__ volatile("inl %w1, %0" : "+a"(value) : "d"(port));
    return value;
}

static uint64_t out(uint64_t port_and_width, uint64_t value)
{
    uint64_t port = port_and_width & 0xffff;
    unsigned width_bytes = (unsigned)(port_and_width >> 16);
    if (width_bytes == 1)
        __asm__ volatile("outb %b1, %w0" : : "d"(port), "a"(value));
    else if (width_bytes == 2)
        __asm__ volatile("outw %w1, %w0" : : "d"(port), "a"(value));
    else
        __asm__ volatile("outl %k1, %w0" : : "d"(port), "a"(value));
    return 0;
}

uint32_t port_in(uint16_t port, unsigned width_bytes)
{
    return (uint32_t)at_cpl0(in, port, width_bytes);
}

void port_out(uint16_t port, unsigned width_bytes, uint32_t value)
{
    at_cpl0(out, port | (uint64_t)width_bytes << 16, value);
}

void debug_exit(uint8_t value)
{
    for (;;)
        port_out(DEBUG_EXIT_PORT, 1, value);
}
