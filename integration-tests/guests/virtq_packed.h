/* SPDX-License-Identifier: Apache-2.0 */
/* The packed form of what virtq.h declares, which calls these. */
#ifndef VIRTQ_PACKED_H
#define VIRTQ_PACKED_H

#include "virtq.h"

void pvirtq_open(struct virtq *queue);
bool pvirtq_add(struct virtq *queue, const struct buffer *buffers, unsigned readable, unsigned writable, uint32_t token);
void pvirtq_ask_interrupt(struct virtq *queue);
/* Shows what was added; tells whether the device wants to be notified. */
bool pvirtq_show(struct virtq *queue);
bool pvirtq_take(struct virtq *queue, uint32_t *token, uint32_t *written_bytes);

#endif
