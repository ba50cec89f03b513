/* SPDX-License-Identifier: Apache-2.0 */
/* Creates a VM, runs one instruction (out %al, $0xf4) and closes it, COUNT times; prints one line of milliseconds each. */
#include "kvm_baseline.h"

int main(int argc, char **argv)
{
    static const uint8_t code[] = {0xe6, 0xf4}; /* out %al, $0xf4 */
    int count = argc > 1 ? atoi(argv[1]) : 20;
    for (int i = 0; i < count; i++) {
        double start = now_ms();
        struct vm v;
        vm_create(&v, 128ul << 20, code, sizeof code, 0x1000);
        check(ioctl(v.vcpu, KVM_RUN, 0), "KVM_RUN");
        if (v.run->exit_reason != KVM_EXIT_IO || v.run->io.port != 0xf4) {
            fprintf(stderr, "exit reason %u\n", v.run->exit_reason);
            return 1;
        }
        vm_close(&v);
        printf("%.3f\n", now_ms() - start);
    }
    return 0;
}
