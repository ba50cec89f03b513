/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MAIN_H
#define MAIN_H

#include <stdint.h>

/* The guest's work, at CPL 3; start_info: address of hvm_start_info. */
void main(uint64_t start_info);

#endif
