// SPDX-License-Identifier: Apache-2.0
//
// The console of the guest, which is file descriptors 0, 1 and 2 of init and of all that it starts.
#ifndef ISTHMUS_INIT_CONSOLE_H
#define ISTHMUS_INIT_CONSOLE_H

#include "options.h"

// Opens /dev/console anew (the one the kernel gave us lies hidden below devtmpfs) and sets it up as a
// terminal or, for isthmus.tty=pipe, so that bytes pass unchanged.
void console_open(const struct options *options);

// Makes the console the controlling terminal of a new session that the caller leads.
void console_take(void);

// Waits until the last byte has left the device.
void console_drain(void);

#endif
