/* SPDX-License-Identifier: Apache-2.0 */
/* What both baselines share: a VM of one memory slot and one vCPU in real mode, by bare ioctls. */
#ifndef KVM_BASELINE_H
#define KVM_BASELINE_H

#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CPUID_ENTRIES = 256 };

struct vm {
    int kvm, vm, vcpu;
    size_t run_bytes, ram_bytes;
    struct kvm_run *run;
    uint8_t *ram;
};

static inline long check(long result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(1);
    }
    return result;
}

static inline double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* The calls that Isthmus makes for a VM of this size, in its order. */
static inline void vm_create(struct vm *v, size_t ram_bytes, const uint8_t *code, size_t code_bytes, uint64_t entry)
{
    v->kvm = check(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
    check(ioctl(v->kvm, KVM_GET_API_VERSION, 0), "KVM_GET_API_VERSION");
    v->vm = check(ioctl(v->kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    check(ioctl(v->vm, KVM_SET_TSS_ADDR, 0xfffbd000ul), "KVM_SET_TSS_ADDR");
    uint64_t identity_map = 0xfffbc000;
    check(ioctl(v->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map), "KVM_SET_IDENTITY_MAP_ADDR");
    check(ioctl(v->vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
    struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
    check(ioctl(v->vm, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");

    int memfd = check(memfd_create("guest-ram", MFD_CLOEXEC), "memfd_create");
    check(ftruncate(memfd, ram_bytes), "ftruncate");
    v->ram_bytes = ram_bytes;
    v->ram = mmap(NULL, ram_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memfd, 0);
    if (v->ram == MAP_FAILED)
        check(-1, "mmap");
    close(memfd);
    memcpy(v->ram + entry, code, code_bytes);
    struct kvm_userspace_memory_region slot = {
        .memory_size = ram_bytes, .userspace_addr = (uintptr_t)v->ram};
    check(ioctl(v->vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");

    v->vcpu = check(ioctl(v->vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    v->run_bytes = check(ioctl(v->kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
    v->run = mmap(NULL, v->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->vcpu, 0);
    if (v->run == MAP_FAILED)
        check(-1, "mmap");
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof *cpuid + MAX_CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2));
    cpuid->nent = MAX_CPUID_ENTRIES;
    check(ioctl(v->kvm, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM_GET_SUPPORTED_CPUID");
    check(ioctl(v->vcpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
    free(cpuid);

    struct kvm_sregs sregs;
    check(ioctl(v->vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
    sregs.cs.base = 0;
    sregs.cs.selector = 0;
    check(ioctl(v->vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
    struct kvm_regs regs = {.rip = entry, .rflags = 2};
    check(ioctl(v->vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

static inline void vm_close(struct vm *v)
{
    munmap(v->run, v->run_bytes);
    close(v->vcpu);
    close(v->vm);
    munmap(v->ram, v->ram_bytes);
    close(v->kvm);
}

#endif
