/* SPDX-License-Identifier: Apache-2.0 */
/* The command "blk": a workload on one block device, measured. */
#ifndef BENCH_BLK_H
#define BENCH_BLK_H

void bench_blk(void);

#endif
