/* SPDX-License-Identifier: Apache-2.0 */
#include "virtio.h"

#include "console.h"
#include "cpu.h"
#include "options.h"
#include "text.h"
#include "virtq.h"

static void add_status(const struct virtio_device *device, uint8_t bit)
{
    device->transport->set_status(device, device->transport->status(device) | bit);
}

bool virtio_find(struct virtio_device *device, uint32_t id, const char *transport, unsigned number)
{
    if (text_equals(transport, "pci"))
        return virtio_pci_find(device, id, number);
    if (text_equals(transport, "mmio"))
        return virtio_mmio_find(device, id, number);
    fail("transport: neither pci nor mmio");
}

uint64_t virtio_queue_features(void)
{
    uint64_t features = 0;
    if (option_number("event_idx", 1) != 0)
        features |= VIRTIO_F_EVENT_IDX;
    if (option_number("indirect", 1) != 0)
        features |= VIRTIO_F_INDIRECT_DESC;
    if (option_number("packed", 0) != 0)
        features |= VIRTIO_F_RING_PACKED;
    return features;
}

uint16_t virtio_queue_size(uint64_t features)
{
    uint64_t size = option_number("queue_size", 256);
    if (size == 0 || size > VIRTQ_SIZE_MAX)
        fail("queue_size: up to 1024");
    if (option_number("packed", 0) != 0 && (features & VIRTIO_F_RING_PACKED) == 0)
        fail("packed: the device does not offer it");
    if ((features & VIRTIO_F_RING_PACKED) == 0 && (size & (size - 1)) != 0)
        fail("queue_size: a power of 2 without packed=1");
    return (uint16_t)size;
}

void virtio_reset(const struct virtio_device *device)
{
    device->transport->set_status(device, 0);
    /* 4.1.4.3.2: PCI devices are reset when the status reads 0. */
    while (device->transport->status(device) != 0)
        cpu_relax();
}

uint64_t virtio_begin(const struct virtio_device *device, uint64_t wanted_features)
{
    virtio_reset(device);
    add_status(device, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    add_status(device, VIRTIO_CONFIG_S_DRIVER);
    uint64_t offered = device->transport->features(device);
    if ((offered & VIRTIO_F_VERSION_1) == 0)
        fail("a device with the legacy interface alone");
    uint64_t features = offered & (wanted_features | VIRTIO_F_VERSION_1);
    device->transport->set_features(device, features);
    add_status(device, VIRTIO_CONFIG_S_FEATURES_OK);
    if ((device->transport->status(device) & VIRTIO_CONFIG_S_FEATURES_OK) == 0)
        fail("the device does not take the features that it offered");
    return features;
}

void virtio_ready(const struct virtio_device *device)
{
    add_status(device, VIRTIO_CONFIG_S_DRIVER_OK);
    if ((device->transport->status(device) & VIRTIO_CONFIG_S_NEEDS_RESET) != 0)
        fail("the device needs a reset as soon as it is live");
}
