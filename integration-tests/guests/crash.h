/* SPDX-License-Identifier: Apache-2.0 */
/* The command "crash": writes to disks until whatever runs it is killed, and tells which flushes have ended. */
#ifndef CRASH_H
#define CRASH_H

void crash(void);

#endif
