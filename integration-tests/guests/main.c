/* SPDX-License-Identifier: Apache-2.0 */
#include "main.h"

#include "attack.h"
#include "bench_blk.h"
#include "bench_fs.h"
#include "bench_net.h"
#include "bench_vsock.h"
#include "console.h"
#include "cpu.h"
#include "crash.h"
#include "memory.h"
#include "options.h"
#include "pci.h"
#include "text.h"

#define EXIT_DONE 0

/* Where QEMU's microvm and Isthmus have it. */
#define ECAM_ADDRESS 0xe0000000ul

void main(uint64_t start_info)
{
    const struct hvm_start_info *info = (const struct hvm_start_info *)start_info;
    memory_init(info);
    options_read(info->cmdline_paddr == 0 ? "" : (const char *)info->cmdline_paddr);
    if (text_equals(option_text("transport", "pci"), "pci"))
        pci_init(option_number("ecam", ECAM_ADDRESS));
    const char *command = options_command();
    if (text_equals(command, "blk"))
        bench_blk();
    else if (text_equals(command, "net"))
        bench_net();
    else if (text_equals(command, "fs"))
        bench_fs();
    else if (text_equals(command, "vsock"))
        bench_vsock();
    else if (text_equals(command, "attack"))
        attack();
    else if (text_equals(command, "crash"))
        crash();
    else
        fail("what to do is none of: blk, net, vsock, fs, attack, crash");
    debug_exit(EXIT_DONE);
}
