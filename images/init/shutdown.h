// SPDX-License-Identifier: Apache-2.0
//
// The end of the guest.
#ifndef ISTHMUS_INIT_SHUTDOWN_H
#define ISTHMUS_INIT_SHUTDOWN_H

#include <linux/reboot.h>

#include "options.h"

#define NO_STATUS (-1)

// Ends all processes, writes everything to the disks and unmounts them. Then reports the exit status through
// the debug-exit port, where there are both, and hands over to the kernel with one of LINUX_REBOOT_CMD_*.
// Only for process 1. Does not return.
__attribute__((noreturn)) void shutdown_guest(const struct options *options, int status,
                                              unsigned int command);

#endif
