/* SPDX-License-Identifier: Apache-2.0 */
#include "virtio.h"

#include "console.h"
#include "cpu.h"

static void add_status(const struct virtio_device *device, uint8_t bit)
{
    device->transport->set_status(device, device->transport->status(device) | bit);
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
