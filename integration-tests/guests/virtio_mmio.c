/* SPDX-License-Identifier: Apache-2.0 */
#include "virtio_mmio.h"

#include "mmio.h"
#include "virtio.h"
#include "virtq.h"

#define VERSION_WITHOUT_LEGACY 2

static uint32_t get(const struct virtio_device *device, unsigned reg)
{
    return (uint32_t)mmio_read(device->registers + reg, 4);
}

static void put(const struct virtio_device *device, unsigned reg, uint32_t value)
{
    mmio_write(device->registers + reg, 4, value);
}

static void put_address(const struct virtio_device *device, unsigned low_reg, const void *address)
{
    put(device, low_reg, (uint32_t)(uintptr_t)address);
    put(device, low_reg + 4, (uint32_t)((uintptr_t)address >> 32));
}

static uint8_t status(const struct virtio_device *device)
{
    return (uint8_t)get(device, VIRTIO_MMIO_STATUS);
}

static void set_status(const struct virtio_device *device, uint8_t value)
{
    put(device, VIRTIO_MMIO_STATUS, value);
}

static uint64_t features(const struct virtio_device *device)
{
    put(device, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
    uint64_t high = get(device, VIRTIO_MMIO_DEVICE_FEATURES);
    put(device, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
    return high << 32 | get(device, VIRTIO_MMIO_DEVICE_FEATURES);
}

static void set_features(const struct virtio_device *device, uint64_t value)
{
    put(device, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    put(device, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(value >> 32));
    put(device, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    put(device, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)value);
}

static uint16_t queue_size_max(const struct virtio_device *device, uint16_t index)
{
    put(device, VIRTIO_MMIO_QUEUE_SEL, index);
    uint32_t size = get(device, VIRTIO_MMIO_QUEUE_NUM_MAX);
    return size > VIRTQ_SIZE_MAX ? VIRTQ_SIZE_MAX : (uint16_t)size;
}

static void enable_queue(const struct virtio_device *device, struct virtq *queue)
{
    put(device, VIRTIO_MMIO_QUEUE_SEL, queue->index);
    put(device, VIRTIO_MMIO_QUEUE_NUM, queue->size);
    put_address(device, VIRTIO_MMIO_QUEUE_DESC_LOW, queue->desc);
    put_address(device, VIRTIO_MMIO_QUEUE_AVAIL_LOW, queue->avail);
    put_address(device, VIRTIO_MMIO_QUEUE_USED_LOW, queue->used);
    put(device, VIRTIO_MMIO_QUEUE_READY, 1);
    queue->notify = device->registers + VIRTIO_MMIO_QUEUE_NOTIFY;
    queue->notify_width_bytes = 4;
}

static bool take_interrupts(const struct virtio_device *device)
{
    uint32_t status = get(device, VIRTIO_MMIO_INTERRUPT_STATUS);
    if ((status & VIRTIO_ISR_USED_BUFFERS) == 0)
        return false;
    put(device, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_ISR_USED_BUFFERS);
    return true;
}

static const struct virtio_transport transport = {
    .name = "mmio",
    .status = status,
    .set_status = set_status,
    .features = features,
    .set_features = set_features,
    .queue_size_max = queue_size_max,
    .enable_queue = enable_queue,
    .take_interrupts = take_interrupts,
};

bool virtio_mmio_find(struct virtio_device *device, uint32_t id, unsigned number)
{
    for (unsigned slot = 0; slot < VIRTIO_MMIO_COUNT; slot++) {
        uintptr_t registers = VIRTIO_MMIO_FIRST + slot * VIRTIO_MMIO_STRIDE;
        if (mmio_read(registers + VIRTIO_MMIO_MAGIC_VALUE, 4) != VIRTIO_MMIO_MAGIC
            || mmio_read(registers + VIRTIO_MMIO_VERSION, 4) != VERSION_WITHOUT_LEGACY
            || mmio_read(registers + VIRTIO_MMIO_DEVICE_ID, 4) != id)
            continue;
        if (number-- > 0)
            continue;
        *device = (struct virtio_device){
            .transport = &transport,
            .id = id,
            .config = registers + VIRTIO_MMIO_CONFIG,
            .registers = registers,
        };
        return true;
    }
    return false;
}
