/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_NET_H
#define BENCH_NET_H

/* Sends or receives packets of one kind for a time and counts them, as the options say; or sends them to itself. */
void bench_net(void);

#endif
