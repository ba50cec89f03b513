// SPDX-License-Identifier: Apache-2.0
//
// The file systems that a Linux program expects, and those that the user mounted in the meantime.
#ifndef ISTHMUS_INIT_MOUNTS_H
#define ISTHMUS_INIT_MOUNTS_H

// /proc, /dev and what is below it, /sys, /run, /tmp. What cannot be mounted is left out.
void mounts_make(void);

// Unmounts everything but the above; what is busy becomes read-only. Last mounted goes first.
void mounts_undo(void);

#endif
