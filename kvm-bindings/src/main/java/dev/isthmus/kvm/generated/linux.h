/*
 * What jextract reads to print Linux.java: the headers, and the sizes and offsets wanted of their structs.
 *
 * Sizes and offsets are given as enum constants instead of letting jextract print a class with a MemoryLayout for each
 * struct: a Java int constant costs nothing when a VM starts, while building the layouts of kvm_run and kvm_sregs alone
 * took 30 ms even from an AOT cache.
 */
#define _GNU_SOURCE
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/kvm.h>
#include <linux/openat2.h>
#include <linux/sockios.h>
#include <linux/stat.h>
#include <linux/xattr.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>

#define SIZE(type) SIZEOF_##type = sizeof(struct type)
#define OFFSET(type, field) OFFSETOF_##type##_##field = offsetof(struct type, field)
#define NESTED(type, outer, field) OFFSETOF_##type##_##outer##_##field = offsetof(struct type, outer.field)

enum layout {
    OFFSET(kvm_userspace_memory_region, slot),
    OFFSET(kvm_userspace_memory_region, flags),
    OFFSET(kvm_userspace_memory_region, guest_phys_addr),
    OFFSET(kvm_userspace_memory_region, memory_size),
    OFFSET(kvm_userspace_memory_region, userspace_addr),

    SIZE(kvm_dirty_log),
    OFFSET(kvm_dirty_log, slot),
    OFFSET(kvm_dirty_log, dirty_bitmap),

    SIZE(kvm_irqfd),
    OFFSET(kvm_irqfd, fd),
    OFFSET(kvm_irqfd, gsi),
    OFFSET(kvm_irqfd, flags),
    OFFSET(kvm_irqfd, resamplefd),

    SIZE(kvm_ioeventfd),
    OFFSET(kvm_ioeventfd, datamatch),
    OFFSET(kvm_ioeventfd, addr),
    OFFSET(kvm_ioeventfd, len),
    OFFSET(kvm_ioeventfd, fd),
    OFFSET(kvm_ioeventfd, flags),

    OFFSET(kvm_irq_level, irq),
    OFFSET(kvm_irq_level, level),

    OFFSET(kvm_irq_routing, nr),
    OFFSET(kvm_irq_routing, entries),

    SIZE(kvm_irq_routing_entry),
    OFFSET(kvm_irq_routing_entry, gsi),
    OFFSET(kvm_irq_routing_entry, type),
    OFFSET(kvm_irq_routing_entry, u),

    OFFSET(kvm_irq_routing_irqchip, irqchip),
    OFFSET(kvm_irq_routing_irqchip, pin),

    OFFSET(kvm_irq_routing_msi, address_lo),
    OFFSET(kvm_irq_routing_msi, address_hi),
    OFFSET(kvm_irq_routing_msi, data),

    SIZE(kvm_msi),
    OFFSET(kvm_msi, address_lo),
    OFFSET(kvm_msi, address_hi),
    OFFSET(kvm_msi, data),

    SIZE(kvm_irqchip),
    OFFSET(kvm_irqchip, chip_id),
    OFFSET(kvm_irqchip, chip),

    SIZE(kvm_pit_config),
    OFFSET(kvm_pit_config, flags),

    SIZE(kvm_pit_state2),
    OFFSET(kvm_pit_state2, channels),
    OFFSET(kvm_pit_state2, flags),

    SIZE(kvm_pit_channel_state),
    OFFSET(kvm_pit_channel_state, count),
    OFFSET(kvm_pit_channel_state, mode),

    SIZE(kvm_clock_data),
    OFFSET(kvm_clock_data, clock),
    OFFSET(kvm_clock_data, flags),
    OFFSET(kvm_clock_data, realtime),
    OFFSET(kvm_clock_data, host_tsc),

    SIZE(kvm_enable_cap),
    OFFSET(kvm_enable_cap, cap),
    OFFSET(kvm_enable_cap, args),

    OFFSET(kvm_cpuid2, nent),
    OFFSET(kvm_cpuid2, entries),

    SIZE(kvm_cpuid_entry2),
    OFFSET(kvm_cpuid_entry2, function),
    OFFSET(kvm_cpuid_entry2, index),
    OFFSET(kvm_cpuid_entry2, flags),
    OFFSET(kvm_cpuid_entry2, eax),
    OFFSET(kvm_cpuid_entry2, ebx),
    OFFSET(kvm_cpuid_entry2, ecx),
    OFFSET(kvm_cpuid_entry2, edx),

    OFFSET(kvm_msr_list, nmsrs),
    OFFSET(kvm_msr_list, indices),

    OFFSET(kvm_msrs, nmsrs),
    OFFSET(kvm_msrs, entries),

    SIZE(kvm_msr_entry),
    OFFSET(kvm_msr_entry, index),
    OFFSET(kvm_msr_entry, data),

    SIZE(kvm_regs),
    OFFSET(kvm_regs, rax),
    OFFSET(kvm_regs, rbx),
    OFFSET(kvm_regs, rcx),
    OFFSET(kvm_regs, rdx),
    OFFSET(kvm_regs, rsi),
    OFFSET(kvm_regs, rdi),
    OFFSET(kvm_regs, rsp),
    OFFSET(kvm_regs, rbp),
    OFFSET(kvm_regs, r8),
    OFFSET(kvm_regs, r9),
    OFFSET(kvm_regs, r10),
    OFFSET(kvm_regs, r11),
    OFFSET(kvm_regs, r12),
    OFFSET(kvm_regs, r13),
    OFFSET(kvm_regs, r14),
    OFFSET(kvm_regs, r15),
    OFFSET(kvm_regs, rip),
    OFFSET(kvm_regs, rflags),

    SIZE(kvm_sregs),
    OFFSET(kvm_sregs, cs),
    OFFSET(kvm_sregs, ds),
    OFFSET(kvm_sregs, es),
    OFFSET(kvm_sregs, fs),
    OFFSET(kvm_sregs, gs),
    OFFSET(kvm_sregs, ss),
    OFFSET(kvm_sregs, tr),
    OFFSET(kvm_sregs, ldt),
    OFFSET(kvm_sregs, gdt),
    OFFSET(kvm_sregs, idt),
    OFFSET(kvm_sregs, cr0),
    OFFSET(kvm_sregs, cr2),
    OFFSET(kvm_sregs, cr3),
    OFFSET(kvm_sregs, cr4),
    OFFSET(kvm_sregs, cr8),
    OFFSET(kvm_sregs, efer),
    OFFSET(kvm_sregs, apic_base),
    OFFSET(kvm_sregs, interrupt_bitmap),

    SIZE(kvm_segment),
    OFFSET(kvm_segment, base),
    OFFSET(kvm_segment, limit),
    OFFSET(kvm_segment, selector),
    OFFSET(kvm_segment, type),
    OFFSET(kvm_segment, present),
    OFFSET(kvm_segment, dpl),
    OFFSET(kvm_segment, db),
    OFFSET(kvm_segment, s),
    OFFSET(kvm_segment, l),
    OFFSET(kvm_segment, g),
    OFFSET(kvm_segment, avl),
    OFFSET(kvm_segment, unusable),

    OFFSET(kvm_dtable, base),
    OFFSET(kvm_dtable, limit),

    SIZE(kvm_fpu),
    OFFSET(kvm_fpu, fpr),
    OFFSET(kvm_fpu, fcw),
    OFFSET(kvm_fpu, fsw),
    OFFSET(kvm_fpu, ftwx),
    OFFSET(kvm_fpu, last_opcode),
    OFFSET(kvm_fpu, last_ip),
    OFFSET(kvm_fpu, last_dp),
    OFFSET(kvm_fpu, xmm),
    OFFSET(kvm_fpu, mxcsr),

    SIZE(kvm_xsave),

    SIZE(kvm_xcrs),
    OFFSET(kvm_xcrs, nr_xcrs),
    OFFSET(kvm_xcrs, xcrs),

    SIZE(kvm_xcr),
    OFFSET(kvm_xcr, xcr),
    OFFSET(kvm_xcr, value),

    SIZE(kvm_lapic_state),

    OFFSET(kvm_mp_state, mp_state),

    SIZE(kvm_vcpu_events),
    OFFSET(kvm_vcpu_events, sipi_vector),
    OFFSET(kvm_vcpu_events, flags),
    OFFSET(kvm_vcpu_events, exception_has_payload),
    OFFSET(kvm_vcpu_events, exception_payload),
    NESTED(kvm_vcpu_events, exception, injected),
    NESTED(kvm_vcpu_events, exception, nr),
    NESTED(kvm_vcpu_events, exception, has_error_code),
    NESTED(kvm_vcpu_events, exception, pending),
    NESTED(kvm_vcpu_events, exception, error_code),
    NESTED(kvm_vcpu_events, interrupt, injected),
    NESTED(kvm_vcpu_events, interrupt, nr),
    NESTED(kvm_vcpu_events, interrupt, soft),
    NESTED(kvm_vcpu_events, interrupt, shadow),
    NESTED(kvm_vcpu_events, nmi, injected),
    NESTED(kvm_vcpu_events, nmi, pending),
    NESTED(kvm_vcpu_events, nmi, masked),
    NESTED(kvm_vcpu_events, smi, smm),
    NESTED(kvm_vcpu_events, smi, pending),
    NESTED(kvm_vcpu_events, smi, smm_inside_nmi),
    NESTED(kvm_vcpu_events, smi, latched_init),
    NESTED(kvm_vcpu_events, triple_fault, pending),

    SIZE(kvm_debugregs),
    OFFSET(kvm_debugregs, db),
    OFFSET(kvm_debugregs, dr6),
    OFFSET(kvm_debugregs, dr7),
    OFFSET(kvm_debugregs, flags),

    SIZE(kvm_guest_debug),
    OFFSET(kvm_guest_debug, control),
    NESTED(kvm_guest_debug, arch, debugreg),

    OFFSET(kvm_signal_mask, len),
    OFFSET(kvm_signal_mask, sigset),

    OFFSET(kvm_interrupt, irq),

    OFFSET(kvm_run, request_interrupt_window),
    OFFSET(kvm_run, immediate_exit),
    OFFSET(kvm_run, exit_reason),
    OFFSET(kvm_run, ready_for_interrupt_injection),
    OFFSET(kvm_run, if_flag),
    OFFSET(kvm_run, flags),
    OFFSET(kvm_run, cr8),
    OFFSET(kvm_run, apic_base),
    NESTED(kvm_run, hw, hardware_exit_reason),
    NESTED(kvm_run, fail_entry, hardware_entry_failure_reason),
    NESTED(kvm_run, fail_entry, cpu),
    NESTED(kvm_run, io, direction),
    NESTED(kvm_run, io, size),
    NESTED(kvm_run, io, port),
    NESTED(kvm_run, io, count),
    NESTED(kvm_run, io, data_offset),
    NESTED(kvm_run, mmio, phys_addr),
    NESTED(kvm_run, mmio, data),
    NESTED(kvm_run, mmio, len),
    NESTED(kvm_run, mmio, is_write),
    NESTED(kvm_run, internal, suberror),
    NESTED(kvm_run, internal, ndata),
    NESTED(kvm_run, internal, data),
    NESTED(kvm_run, emulation_failure, flags),
    NESTED(kvm_run, emulation_failure, insn_size),
    NESTED(kvm_run, emulation_failure, insn_bytes),
    NESTED(kvm_run, system_event, type),
    NESTED(kvm_run, system_event, ndata),
    NESTED(kvm_run, system_event, data),
    NESTED(kvm_run, eoi, vector),
    NESTED(kvm_run, msr, error),
    NESTED(kvm_run, msr, reason),
    NESTED(kvm_run, msr, index),
    NESTED(kvm_run, msr, data),
    OFFSETOF_kvm_run_debug_exception = offsetof(struct kvm_run, debug.arch.exception),
    OFFSETOF_kvm_run_debug_pc = offsetof(struct kvm_run, debug.arch.pc),
    OFFSETOF_kvm_run_debug_dr6 = offsetof(struct kvm_run, debug.arch.dr6),
    OFFSETOF_kvm_run_debug_dr7 = offsetof(struct kvm_run, debug.arch.dr7),

    SIZE(epoll_event),
    OFFSET(epoll_event, events),
    OFFSET(epoll_event, data),

    OFFSET(itimerspec, it_interval),
    OFFSET(itimerspec, it_value),

    SIZE(timespec),
    OFFSET(timespec, tv_sec),
    OFFSET(timespec, tv_nsec),

    SIZE(termios),
    OFFSET(termios, c_iflag),
    OFFSET(termios, c_oflag),
    OFFSET(termios, c_cflag),
    OFFSET(termios, c_lflag),
    OFFSET(termios, c_cc),

    SIZE(winsize),
    OFFSET(winsize, ws_row),
    OFFSET(winsize, ws_col),

    OFFSET(stat, st_mode),
    OFFSET(stat, st_size),
    OFFSET(stat, st_blocks),

    OFFSET(sockaddr_un, sun_family),
    OFFSET(sockaddr_un, sun_path),

    SIZE(iovec),
    OFFSET(iovec, iov_base),
    OFFSET(iovec, iov_len),

    SIZE(io_uring_params),
    OFFSET(io_uring_params, sq_entries),
    OFFSET(io_uring_params, cq_entries),
    OFFSET(io_uring_params, flags),
    OFFSET(io_uring_params, features),
    NESTED(io_uring_params, sq_off, head),
    NESTED(io_uring_params, sq_off, tail),
    NESTED(io_uring_params, sq_off, ring_mask),
    NESTED(io_uring_params, sq_off, flags),
    NESTED(io_uring_params, sq_off, array),
    NESTED(io_uring_params, cq_off, head),
    NESTED(io_uring_params, cq_off, tail),
    NESTED(io_uring_params, cq_off, ring_mask),
    NESTED(io_uring_params, cq_off, cqes),

    SIZE(io_uring_sqe),
    OFFSET(io_uring_sqe, opcode),
    OFFSET(io_uring_sqe, flags),
    OFFSET(io_uring_sqe, fd),
    OFFSET(io_uring_sqe, off),
    OFFSET(io_uring_sqe, addr),
    OFFSET(io_uring_sqe, len),
    OFFSET(io_uring_sqe, rw_flags),
    OFFSET(io_uring_sqe, user_data),

    SIZE(io_uring_cqe),
    OFFSET(io_uring_cqe, user_data),
    OFFSET(io_uring_cqe, res),

    SIZE(statx),
    OFFSET(statx, stx_mask),
    OFFSET(statx, stx_blksize),
    OFFSET(statx, stx_nlink),
    OFFSET(statx, stx_uid),
    OFFSET(statx, stx_gid),
    OFFSET(statx, stx_mode),
    OFFSET(statx, stx_ino),
    OFFSET(statx, stx_size),
    OFFSET(statx, stx_blocks),
    OFFSET(statx, stx_atime),
    OFFSET(statx, stx_ctime),
    OFFSET(statx, stx_mtime),
    OFFSET(statx, stx_rdev_major),
    OFFSET(statx, stx_rdev_minor),
    OFFSET(statx, stx_dev_major),
    OFFSET(statx, stx_dev_minor),
    OFFSET(statx, stx_mnt_id),
    OFFSET(statx, stx_dio_mem_align),
    OFFSET(statx, stx_dio_offset_align),

    SIZE(flock),
    OFFSET(flock, l_type),
    OFFSET(flock, l_whence),
    OFFSET(flock, l_start),
    OFFSET(flock, l_len),
    OFFSET(flock, l_pid),

    OFFSET(statx_timestamp, tv_sec),
    OFFSET(statx_timestamp, tv_nsec),

    SIZE(open_how),
    OFFSET(open_how, flags),
    OFFSET(open_how, mode),
    OFFSET(open_how, resolve),

    SIZE(statfs),
    OFFSET(statfs, f_bsize),
    OFFSET(statfs, f_blocks),
    OFFSET(statfs, f_bfree),
    OFFSET(statfs, f_bavail),
    OFFSET(statfs, f_files),
    OFFSET(statfs, f_ffree),
    OFFSET(statfs, f_namelen),
    OFFSET(statfs, f_frsize),

    OFFSETOF_cap_header_version = offsetof(struct __user_cap_header_struct, version),
    OFFSETOF_cap_header_pid = offsetof(struct __user_cap_header_struct, pid),
    SIZEOF_cap_header = sizeof(struct __user_cap_header_struct),
    SIZEOF_cap_data = sizeof(struct __user_cap_data_struct),
    OFFSETOF_cap_data_effective = offsetof(struct __user_cap_data_struct, effective),
    OFFSETOF_cap_data_permitted = offsetof(struct __user_cap_data_struct, permitted),

    SIZE(rlimit),
    OFFSET(rlimit, rlim_cur),

    SIZE(ifreq),
    OFFSETOF_ifreq_ifr_name = offsetof(struct ifreq, ifr_name),
    OFFSETOF_ifreq_ifr_flags = offsetof(struct ifreq, ifr_flags),
    OFFSETOF_ifreq_ifr_ifindex = offsetof(struct ifreq, ifr_ifindex),
    OFFSETOF_ifreq_ifr_mtu = offsetof(struct ifreq, ifr_mtu),

    SIZE(pollfd),
    OFFSET(pollfd, fd),
    OFFSET(pollfd, events),
    OFFSET(pollfd, revents),

};
