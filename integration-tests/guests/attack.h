/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command "attack": for a time, one processor writes random values to registers, configuration space, rings and
 * descriptors of all block devices but the first, and to the configuration space of whatever else is on the bus, while
 * the second processor does verified I/O on the first block device as if nothing was.
 */
#ifndef ATTACK_H
#define ATTACK_H

void attack(void);

#endif
