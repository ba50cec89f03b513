/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles COUNT exits of a guest that does nothing else; prints nanoseconds an exit.
 *   kvm_exits pio|mmio COUNT
 */
#include "kvm_baseline.h"

static volatile uint64_t sink;

/* Flat 32-bit segments, paging off: what BareVm has for the same guest. */
static void enter_protected_mode(struct vm *v)
{
    struct kvm_sregs sregs;
    check(ioctl(v->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
    sregs.cr0 |= 1;
    struct kvm_segment data = {.limit = 0xffffffff, .selector = 0x10, .type = 3, .present = 1, .db = 1, .s = 1, .g = 1};
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.cs = data;
    sregs.cs.selector = 8;
    sregs.cs.type = 11;
    check(ioctl(v->vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
}

int main(int argc, char **argv)
{
    static const uint8_t pio[] = {
        0xe6, 0xf0, /* 1: out %al, $0xf0 */
        0xeb, 0xfc, /*    jmp 1b */
    };
    static const uint8_t mmio[] = {
        0xb8, 0x00, 0x00, 0x00, 0xd0, /*    mov $0xd0000000, %eax */
        0x88, 0x08,                   /* 1: mov %cl, (%eax) */
        0xeb, 0xfc,                   /*    jmp 1b */
    };
    if (argc < 3)
        return 2;
    int is_mmio = strcmp(argv[1], "mmio") == 0;
    long count = atol(argv[2]);
    struct vm v;
    vm_create(&v, 16ul << 20, is_mmio ? mmio : pio, is_mmio ? sizeof mmio : sizeof pio, 0x1000);
    enter_protected_mode(&v);
    double start = 0;
    for (long i = -count / 10; i < count; i++) {
        if (i == 0)
            start = now_ms();
        check(ioctl(v.vcpu, KVM_RUN, 0), "KVM_RUN");
        if (v.run->exit_reason == KVM_EXIT_IO) {
            sink += ((uint8_t *)v.run)[v.run->io.data_offset];
        } else if (v.run->exit_reason == KVM_EXIT_MMIO) {
            sink += v.run->mmio.data[0];
        } else {
            fprintf(stderr, "exit reason %u\n", v.run->exit_reason);
            return 1;
        }
    }
    printf("%.1f\n", (now_ms() - start) * 1e6 / count);
    vm_close(&v);
    return 0;
}
