/* SPDX-License-Identifier: Apache-2.0 */
/* Virtio devices of version 1.2, whichever way they are found (Virtual I/O Device Version 1.2; sections in comments). */
#ifndef VIRTIO_H
#define VIRTIO_H

#include <stdbool.h>
#include <stdint.h>

#include "pci.h"

/* 5 Device Types */
#define VIRTIO_ID_NET 1
#define VIRTIO_ID_BLOCK 2
#define VIRTIO_ID_CONSOLE 3
#define VIRTIO_ID_RNG 4
#define VIRTIO_ID_BALLOON 5
#define VIRTIO_ID_VSOCK 19
#define VIRTIO_ID_FS 26

/* 2.1 Device Status Field */
#define VIRTIO_CONFIG_S_ACKNOWLEDGE 1
#define VIRTIO_CONFIG_S_DRIVER 2
#define VIRTIO_CONFIG_S_DRIVER_OK 4
#define VIRTIO_CONFIG_S_FEATURES_OK 8
#define VIRTIO_CONFIG_S_NEEDS_RESET 64

/* 6 Reserved Feature Bits */
#define VIRTIO_F_INDIRECT_DESC (1ull << 28)
#define VIRTIO_F_EVENT_IDX (1ull << 29)
#define VIRTIO_F_VERSION_1 (1ull << 32)
#define VIRTIO_F_RING_PACKED (1ull << 34)
#define VIRTIO_F_RING_RESET (1ull << 40)

struct virtio_device;
struct virtq;

/* What differs from transport to transport. */
struct virtio_transport {
    const char *name;
    uint8_t (*status)(const struct virtio_device *device);
    void (*set_status)(const struct virtio_device *device, uint8_t status);
    uint64_t (*features)(const struct virtio_device *device);
    void (*set_features)(const struct virtio_device *device, uint64_t features);
    /* Returns the largest size of a queue, 0 where there is no such queue. */
    uint16_t (*queue_size_max)(const struct virtio_device *device, uint16_t index);
    /* Enables a queue whose rings are ready, and fills in how to notify it. */
    void (*enable_queue)(const struct virtio_device *device, struct virtq *queue);
    /* Tells whether the device has sent interrupts for used buffers since the last call, and acknowledges them. */
    bool (*take_interrupts)(const struct virtio_device *device);
};

/* ISR status of PCI (4.1.4.5) and InterruptStatus of MMIO (4.2.2): buffers were used. */
#define VIRTIO_ISR_USED_BUFFERS 1

struct virtio_device {
    const struct virtio_transport *transport;
    uint32_t id;
    /* Device-specific configuration, in memory with either transport. */
    uintptr_t config;
    /* Registers of the MMIO transport, or the common configuration of PCI's. */
    uintptr_t registers;
    /* PCI alone. */
    uintptr_t notify, isr;
    uint32_t notify_off_multiplier;
    pci_function_t function;
};

/* Finds the device of a type and number among its like; tells whether there is one. */
bool virtio_pci_find(struct virtio_device *device, uint32_t id, unsigned number);
bool virtio_mmio_find(struct virtio_device *device, uint32_t id, unsigned number);

/* The same by the transport's name; fails where there is no such transport. */
bool virtio_find(struct virtio_device *device, uint32_t id, const char *transport, unsigned number);

/*
 * The features of queues that the options event_idx, indirect and packed ask for: the first two where not given. What the
 * device offers is then to be seen.
 */
uint64_t virtio_queue_features(void);

/* The option queue_size, which has to suit the features that were negotiated; fails where it does not. */
uint16_t virtio_queue_size(uint64_t features);

/*
 * Resets a device and negotiates (3.1.1, up to step 6): of the features wanted, those offered, which are returned.
 * VERSION_1 is always among them.
 */
uint64_t virtio_begin(const struct virtio_device *device, uint64_t wanted_features);

/* Returns where a structure of a PCI device is and how long, by its type (virtio_pci.h); 0 where there is none. */
uintptr_t virtio_pci_structure(pci_function_t function, uint8_t type, uint32_t *bytes);

/* Goes live: DRIVER_OK. */
void virtio_ready(const struct virtio_device *device);

/* Resets a device and waits until that is done. */
void virtio_reset(const struct virtio_device *device);

#endif
