/* SPDX-License-Identifier: Apache-2.0 */
#include "virtio_pci.h"

#include "console.h"
#include "mmio.h"
#include "virtio.h"
#include "virtq.h"

static uint32_t get(const struct virtio_device *device, unsigned field, unsigned width_bytes)
{
    return (uint32_t)mmio_read(device->registers + field, width_bytes);
}

static void put(const struct virtio_device *device, unsigned field, unsigned width_bytes, uint32_t value)
{
    mmio_write(device->registers + field, width_bytes, value);
}

static void put_address(const struct virtio_device *device, unsigned low_field, const void *address)
{
    put(device, low_field, 4, (uint32_t)(uintptr_t)address);
    put(device, low_field + 4, 4, (uint32_t)((uintptr_t)address >> 32));
}

static uint8_t status(const struct virtio_device *device)
{
    return (uint8_t)get(device, VIRTIO_PCI_COMMON_STATUS, 1);
}

static void set_status(const struct virtio_device *device, uint8_t value)
{
    put(device, VIRTIO_PCI_COMMON_STATUS, 1, value);
}

static uint64_t features(const struct virtio_device *device)
{
    put(device, VIRTIO_PCI_COMMON_DFSELECT, 4, 1);
    uint64_t high = get(device, VIRTIO_PCI_COMMON_DF, 4);
    put(device, VIRTIO_PCI_COMMON_DFSELECT, 4, 0);
    return high << 32 | get(device, VIRTIO_PCI_COMMON_DF, 4);
}

static void set_features(const struct virtio_device *device, uint64_t value)
{
    put(device, VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
    put(device, VIRTIO_PCI_COMMON_GF, 4, (uint32_t)(value >> 32));
    put(device, VIRTIO_PCI_COMMON_GFSELECT, 4, 0);
    put(device, VIRTIO_PCI_COMMON_GF, 4, (uint32_t)value);
}

static uint16_t queue_size_max(const struct virtio_device *device, uint16_t index)
{
    put(device, VIRTIO_PCI_COMMON_Q_SELECT, 2, index);
    uint32_t size = get(device, VIRTIO_PCI_COMMON_Q_SIZE, 2);
    return size > VIRTQ_SIZE_MAX ? VIRTQ_SIZE_MAX : (uint16_t)size;
}

static void enable_queue(const struct virtio_device *device, struct virtq *queue)
{
    put(device, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue->index);
    put(device, VIRTIO_PCI_COMMON_Q_SIZE, 2, queue->size);
    put_address(device, VIRTIO_PCI_COMMON_Q_DESCLO, queue->desc);
    put_address(device, VIRTIO_PCI_COMMON_Q_AVAILLO, queue->avail);
    put_address(device, VIRTIO_PCI_COMMON_Q_USEDLO, queue->used);
    put(device, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
    uint32_t offset = get(device, VIRTIO_PCI_COMMON_Q_NOFF, 2);
    queue->notify = device->notify + offset * device->notify_off_multiplier;
    queue->notify_width_bytes = 2;
}

static bool take_interrupts(const struct virtio_device *device)
{
    /* Reading acknowledges. */
    return (mmio_read(device->isr, 1) & VIRTIO_ISR_USED_BUFFERS) != 0;
}

static const struct virtio_transport transport = {
    .name = "pci",
    .status = status,
    .set_status = set_status,
    .features = features,
    .set_features = set_features,
    .queue_size_max = queue_size_max,
    .enable_queue = enable_queue,
    .take_interrupts = take_interrupts,
};

/* Returns the place of the first capability for a structure that can be used, or 0. */
static unsigned find_capability(pci_function_t function, uint8_t type)
{
    unsigned at = 0;
    while ((at = pci_find_capability(function, VIRTIO_PCI_CAP_ID_VENDOR, at)) != 0) {
        /* 4.1.4: BARs that do not exist are to be ignored. */
        if (pci_read(function, at + VIRTIO_PCI_CAP_CFG_TYPE, 1) == type
            && pci_read(function, at + VIRTIO_PCI_CAP_BAR, 1) < PCI_BARS)
            return at;
    }
    return 0;
}

uintptr_t virtio_pci_structure(pci_function_t function, uint8_t type, uint32_t *bytes)
{
    unsigned at = find_capability(function, type);
    if (at == 0)
        return 0;
    *bytes = pci_read(function, at + VIRTIO_PCI_CAP_LENGTH, 4);
    return pci_bar_address(function, pci_read(function, at + VIRTIO_PCI_CAP_BAR, 1))
           + pci_read(function, at + VIRTIO_PCI_CAP_OFFSET, 4);
}

static void open(struct virtio_device *device, pci_function_t function, uint32_t id)
{
    uint32_t bytes;
    pci_enable(function);
    *device = (struct virtio_device){.transport = &transport, .id = id, .function = function};
    device->registers = virtio_pci_structure(function, VIRTIO_PCI_CAP_COMMON_CFG, &bytes);
    device->config = virtio_pci_structure(function, VIRTIO_PCI_CAP_DEVICE_CFG, &bytes);
    device->notify = virtio_pci_structure(function, VIRTIO_PCI_CAP_NOTIFY_CFG, &bytes);
    device->isr = virtio_pci_structure(function, VIRTIO_PCI_CAP_ISR_CFG, &bytes);
    if (device->registers == 0 || device->config == 0 || device->notify == 0 || device->isr == 0)
        fail("a PCI device lacks a virtio structure");
    unsigned notify = find_capability(function, VIRTIO_PCI_CAP_NOTIFY_CFG);
    device->notify_off_multiplier = pci_read(function, notify + VIRTIO_PCI_CAP_NOTIFY_MULT, 4);
}

bool virtio_pci_find(struct virtio_device *device, uint32_t id, unsigned number)
{
    for (unsigned function = 0; function < PCI_DEVICES * PCI_FUNCTIONS; function += PCI_FUNCTIONS) {
        if (pci_read((pci_function_t)function, PCI_VENDOR_ID, 2) != VIRTIO_PCI_VENDOR_ID
            || pci_read((pci_function_t)function, PCI_DEVICE_ID, 2) != VIRTIO_PCI_DEVICE_ID_BASE + id)
            continue;
        if (number-- == 0) {
            open(device, (pci_function_t)function, id);
            return true;
        }
    }
    return false;
}
