// SPDX-License-Identifier: Apache-2.0
//
// I/O ports, through /dev/port: on some KVM hosts an OUT instruction outside the kernel faults whatever the
// I/O privilege level is.
#ifndef ISTHMUS_INIT_PORT_H
#define ISTHMUS_INIT_PORT_H

#include <fcntl.h>

#include "options.h"
#include "sys.h"

// Writes one byte to a port, unless it is NO_PORT.
static inline void port_write(int port, unsigned char value)
{
    if (port == NO_PORT)
        return;
    long fd = sys_open("/dev/port", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    SYS(pwrite64, fd, &value, 1, port, 0);
    sys_close((int)fd);
}

#endif
