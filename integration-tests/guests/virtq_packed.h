/* SPDX-License-Identifier: Apache-2.0 */
/* The packed form of what virtq.h declares, which calls these. */
#ifndef VIRTQ_PACKED_H
#define VIRTQ_PACKED_H

#include "virtq.h"

/* What pvirtq_try_take() has found: nothing, a buffer, or the ID of none. */
enum pvirtq_found { PVIRTQ_NOTHING, PVIRTQ_BUFFER, PVIRTQ_BOGUS };

void pvirtq_open(struct virtq *queue);
/* Starts with nothing added, in rings that are there and are zeroed. */
void pvirtq_init(struct virtq *queue);
bool pvirtq_add(struct virtq *queue, const struct buffer *buffers, unsigned readable, unsigned writable, uint32_t token);
void pvirtq_ask_interrupt(struct virtq *queue);
/* Shows what was added; tells whether the device wants to be notified. */
bool pvirtq_show(struct virtq *queue);
enum pvirtq_found pvirtq_try_take(struct virtq *queue, uint32_t *token, uint32_t *written_bytes);
/* The same for a device that is trusted: fails where it used a buffer that does not exist. */
bool pvirtq_take(struct virtq *queue, uint32_t *token, uint32_t *written_bytes);

#endif
