/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_VSOCK_H
#define BENCH_VSOCK_H

/* Sends to or receives from a program of the host for a time or a number of bytes, as the options say. */
void bench_vsock(void);

#endif
