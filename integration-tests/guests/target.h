/* SPDX-License-Identifier: Apache-2.0 */
/* A device under attack: its registers, and its life as a driver gives it one now and then. */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "hostile.h"
#include "pci.h"
#include "prey.h"
#include "virtio.h"
#include "virtq.h"

/* Registers in a row. */
struct window {
    uintptr_t address;
    uint32_t bytes;
};

#define WINDOWS_MAX 16
/* Or what a device has, if that is less. */
#define TARGET_QUEUE_SIZE 64

struct target {
    const struct prey *prey;
    /* Among its like. */
    unsigned number;
    struct virtio_device device;
    bool on_pci;
    struct pci_setup setup;
    struct window windows[WINDOWS_MAX];
    unsigned window_count;
    /* Rings in the sandbox, of a device's own, where a start has put them. */
    uintptr_t rings;
    struct virtq queues[PREY_QUEUES_MAX];
    /* Requests made since the start, by queue. */
    uint64_t made[PREY_QUEUES_MAX];
    /* Requests that the device has used, whatever came of them: how far the attack gets. */
    uint64_t used;
    /* Those of them that were in packed rings. */
    uint64_t packed_used;
};

/*
 * Finds the registers of a device: each structure, the MSI-X table, each BAR as a whole; or the one row of MMIO.
 *
 * number: which of its like
 * rings: where its rings are to be, in the sandbox
 */
void target_open(struct target *target, const struct prey *prey, const struct virtio_device *device, unsigned number,
                 uintptr_t rings);

/* Puts a PCI function's addresses back. */
void target_restore(struct target *target);

/* Resets the device and starts it with rings in the sandbox, which it often should refuse. */
void target_start(struct target *target, struct hostile *hostile);

/* Makes requests available, of which some could be right, and notifies. In peace, the rings around them mostly are right. */
void target_request(struct target *target, struct hostile *hostile, bool peace);

/* Gives the device time for what it was asked: as long as it uses requests, and a little longer. */
void target_settle(struct target *target);

#endif
