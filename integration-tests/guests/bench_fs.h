/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_FS_H
#define BENCH_FS_H

/* Uses a shared folder in one way for a time or a number of requests, as the options say. */
void bench_fs(void);

#endif
