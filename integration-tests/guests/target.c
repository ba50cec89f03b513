/* SPDX-License-Identifier: Apache-2.0 */
#include "target.h"

#include "clock.h"
#include "console.h"
#include "cpu.h"
#include "mmio.h"
#include "virtio_mmio.h"
#include "virtio_pci.h"
#include "virtq_packed.h"

#define MSIX_CONTROL 2
#define MSIX_TABLE 4
#define MSIX_TABLE_BAR_MASK 7u
#define MSIX_TABLE_SIZE_MASK 0x7ff
#define MSIX_ENTRY_BYTES 16

/* How often the status of a device is read that may have stopped answering. */
#define PATIENCE 100

#define REQUESTS_MAX 8

/* How often rings are looked at that are full. */
#define ROOM_PATIENCE 1000

/* One of so many descriptors is damaged where rings are left in peace. */
#define DAMAGE_IN_PEACE 512

/* A device that has used nothing for so long has nothing to do, or waits for the host's processors. */
#define IDLE_MILLIS 2
#define SETTLE_MILLIS 20

/* The rings of a queue. Buffers are anywhere in the sandbox, so that rings are overwritten, too. */
#define AVAIL_OFFSET 0x400
#define USED_OFFSET 0x800

static void add_window(struct target *target, uintptr_t address, uint32_t bytes)
{
    if (address == 0 || bytes == 0)
        return;
    if (target->window_count == WINDOWS_MAX)
        fail("a device has too many registers");
    target->windows[target->window_count++] = (struct window){address, bytes};
}

static void add_msix_table(struct target *target, pci_function_t function)
{
    unsigned at = pci_find_capability(function, PCI_CAP_ID_MSIX, 0);
    if (at == 0)
        return;
    uint32_t table = pci_read(function, at + MSIX_TABLE, 4);
    uint32_t entries = (pci_read(function, at + MSIX_CONTROL, 2) & MSIX_TABLE_SIZE_MASK) + 1;
    add_window(target, pci_bar_address(function, table & MSIX_TABLE_BAR_MASK) + (table & ~MSIX_TABLE_BAR_MASK),
               entries * MSIX_ENTRY_BYTES);
}

static void open_pci(struct target *target, pci_function_t function)
{
    for (uint8_t type = VIRTIO_PCI_CAP_COMMON_CFG; type <= VIRTIO_PCI_CAP_DEVICE_CFG; type++) {
        uint32_t bytes = 0;
        uintptr_t address = virtio_pci_structure(function, type, &bytes);
        add_window(target, address, bytes);
    }
    add_msix_table(target, function);
    for (unsigned bar = 0; bar < PCI_BARS; bar++)
        add_window(target, pci_bar_address(function, bar), (uint32_t)pci_bar_bytes(function, bar));
    pci_save(function, &target->setup);
}

void target_open(struct target *target, const struct prey *prey, const struct virtio_device *device, unsigned number,
                 uintptr_t rings)
{
    *target = (struct target){
        .prey = prey,
        .device = *device,
        .number = number,
        .rings = rings,
        .on_pci = device->notify != 0,
    };
    if (target->on_pci)
        open_pci(target, device->function);
    else
        add_window(target, device->registers, VIRTIO_MMIO_STRIDE);
}

void target_restore(struct target *target)
{
    if (target->on_pci)
        pci_restore(target->device.function, &target->setup);
}

/* Empty rings, as the device finds them where it is told the truth. */
static void init_rings(struct virtq *queue, uintptr_t rings, uint16_t index, uint16_t size, bool packed)
{
    *queue = (struct virtq){
        .index = index,
        .size = size,
        .packed = packed,
        .free_count = size,
        .desc = (void *)rings,
        .avail = (void *)(rings + AVAIL_OFFSET),
        .used = (void *)(rings + USED_OFFSET),
    };
    if (packed) {
        for (unsigned i = 0; i < size; i++)
            queue->ring[i] = (struct pvirtq_desc){0};
        *queue->device_event = 0;
        pvirtq_init(queue);
        return;
    }
    queue->avail->flags = 0;
    queue->avail->idx = 0;
    queue->used->idx = 0;
    for (unsigned i = 0; i < size; i++)
        queue->avail->ring[i] = (uint16_t)(1 + i % (size - 1u));
}

/* Takes what the device has used of packed rings, until it is something that was never added: the rings are scribbled on. */
static void take_packed(struct target *target, struct virtq *queue)
{
    uint32_t token, written_bytes;
    while (pvirtq_try_take(queue, &token, &written_bytes) == PVIRTQ_BUFFER)
        target->packed_used++;
}

/* How many requests the device has used since it was started. */
static void count_used(struct target *target)
{
    for (unsigned i = 0; i < target->prey->queues; i++) {
        struct virtq *queue = &target->queues[i];
        if (queue->size == 0)
            continue;
        if (queue->packed)
            take_packed(target, queue);
        else if (queue->used->idx <= target->made[i]) /* else it was scribbled on */
            target->used += queue->used->idx;
    }
}

/* Tells the device of a queue that is ready in the sandbox, or is where it is told, damaged. */
static void start_queue(struct target *target, struct hostile *hostile, uint16_t index, bool packed, bool damaged)
{
    const struct virtio_device *device = &target->device;
    struct virtq *queue = &target->queues[index];
    /* As many as are likely, whatever a confused device says. */
    uint16_t size_max = device->transport->queue_size_max(device, index);
    bool small = size_max > CHAIN_MAX && size_max < TARGET_QUEUE_SIZE && (size_max & (size_max - 1)) == 0;
    uint16_t size = small ? size_max : TARGET_QUEUE_SIZE;
    init_rings(queue, target->rings + (uintptr_t)index * RINGS_BYTES, index, size, packed);
    struct virtq told = *queue;
    if (damaged) {
        if (hostile_below(hostile, 8) == 0)
            told.size = (uint16_t)hostile_value(hostile);
        if (hostile_below(hostile, 16) == 0)
            told.desc = (void *)hostile_address(hostile);
        if (hostile_below(hostile, 16) == 0)
            told.avail = (void *)hostile_address(hostile);
        if (hostile_below(hostile, 16) == 0)
            told.used = (void *)hostile_address(hostile);
    }
    device->transport->enable_queue(device, &told);
    /* Not where a confused device says. */
    queue->notify = target->on_pci ? device->notify + (uintptr_t)index * device->notify_off_multiplier : told.notify;
    queue->notify_width_bytes = told.notify_width_bytes;
}

void target_start(struct target *target, struct hostile *hostile)
{
    const struct virtio_device *device = &target->device;
    const struct virtio_transport *transport = device->transport;

    count_used(target);
    target_restore(target);
    transport->set_status(device, 0);
    for (unsigned i = 0; i < PATIENCE && transport->status(device) != 0; i++)
        ;
    transport->set_status(device, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
    uint64_t features = transport->features(device);
    if (hostile_below(hostile, 4) == 0)
        features &= random_next(&hostile->random) | VIRTIO_F_VERSION_1;
    if (hostile_below(hostile, 16) == 0)
        features = random_next(&hostile->random); /* no word of the sandbox */
    /* One form of rings is attacked as the other is. */
    if (hostile_below(hostile, 2) == 0)
        features &= ~VIRTIO_F_RING_PACKED;
    transport->set_features(device, features);
    uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK;
    transport->set_status(device, status);
    for (unsigned i = 0; i < PREY_QUEUES_MAX; i++)
        target->made[i] = 0;
    uint32_t damaged = hostile_below(hostile, target->prey->queues);
    for (uint16_t i = 0; i < target->prey->queues; i++)
        start_queue(target, hostile, i, (features & VIRTIO_F_RING_PACKED) != 0, i == damaged);
    transport->set_status(device, status | VIRTIO_CONFIG_S_DRIVER_OK);
}

/* Replaces a field. */
static void damage(struct hostile *hostile, volatile struct virtq_desc *desc)
{
    switch (hostile_below(hostile, 4)) {
    case 0:
        desc->addr = hostile_address(hostile);
        break;
    case 1:
        desc->len = hostile_value(hostile);
        break;
    case 2:
        desc->flags = (uint16_t)hostile_below(hostile, 8);
        break;
    default:
        desc->next = (uint16_t)(1 + hostile_below(hostile, UINT16_MAX));
    }
}

/* The same for a descriptor of packed rings; more often than not it stays available. */
static void damage_packed(struct hostile *hostile, volatile struct pvirtq_desc *desc)
{
    switch (hostile_below(hostile, 4)) {
    case 0:
        desc->addr = hostile_address(hostile);
        break;
    case 1:
        desc->len = hostile_value(hostile);
        break;
    case 2:
        desc->flags ^= (uint16_t)hostile_below(hostile, hostile_below(hostile, 4) == 0 ? UINT16_MAX : 8);
        break;
    default:
        desc->id = (uint16_t)(1 + hostile_below(hostile, UINT16_MAX));
    }
}

static void make(struct target *target, struct pieces *pieces, const struct virtq *queue, struct hostile *hostile)
{
    pieces->count = 0;
    pieces->readable = 0;
    pieces->first = target->made[queue->index]++ == 0;
    target->prey->make(pieces, hostile, queue->index);
}

/* Writes a chain, with damage here and there; returns its head. */
static uint16_t chain(struct target *target, struct virtq *queue, struct hostile *hostile, bool peace)
{
    struct pieces pieces;
    make(target, &pieces, queue, hostile);
    /* Behind the last one as a rule, so that it is whole for a while; else anywhere, across others. */
    uint16_t heads = (uint16_t)(queue->size - CHAIN_MAX);
    if (!peace && hostile_below(hostile, 4) == 0)
        queue->free_head = (uint16_t)hostile_below(hostile, heads);
    uint16_t head = (uint16_t)(1 + queue->free_head);
    queue->free_head = (uint16_t)((queue->free_head + pieces.count) % heads);
    volatile struct virtq_desc *desc = &queue->desc[head];
    for (unsigned i = 0; i < pieces.count; i++) {
        bool last = i + 1 == pieces.count;
        desc[i].addr = (uintptr_t)pieces.buffers[i].address;
        desc[i].len = pieces.buffers[i].length_bytes;
        desc[i].flags = (uint16_t)((last ? 0 : VIRTQ_DESC_F_NEXT) | (i < pieces.readable ? 0 : VIRTQ_DESC_F_WRITE));
        desc[i].next = (uint16_t)(last ? 1 : head + i + 1);
    }
    if (hostile_below(hostile, peace ? DAMAGE_IN_PEACE : 16) == 0)
        damage(hostile, &desc[hostile_below(hostile, pieces.count)]);
    return head;
}

/* Waits for a while until there are descriptors for so many requests more; tells whether there are. */
static bool await_room(const struct virtq *queue, unsigned requests)
{
    for (unsigned i = 0; i < ROOM_PATIENCE; i++) {
        uint16_t pending = (uint16_t)(queue->avail_idx - *(volatile uint16_t *)&queue->used->idx);
        if (pending + requests <= queue->size / CHAIN_MAX)
            return true;
        cpu_relax();
    }
    return false;
}

static void request_split(struct target *target, struct virtq *queue, struct hostile *hostile, bool peace)
{
    unsigned room = queue->size / CHAIN_MAX;
    unsigned requests = 1 + hostile_below(hostile, room < REQUESTS_MAX ? room : REQUESTS_MAX);
    /* Most of them as there is room, or the device would soon do nothing more. */
    if ((peace || hostile_below(hostile, 8) != 0) && !await_room(queue, requests))
        return;
    for (unsigned i = 0; i < requests; i++)
        queue->avail->ring[queue->avail_idx++ % queue->size] = chain(target, queue, hostile, peace);
    if (!peace && hostile_below(hostile, 32) == 0)
        queue->avail_idx = (uint16_t)hostile_value(hostile);
    __atomic_store_n(&queue->avail->idx, queue->avail_idx, __ATOMIC_RELEASE);
}

/* As many as there is room for: a device that was overtaken would wait for ever. */
static void request_packed(struct target *target, struct virtq *queue, struct hostile *hostile, bool peace)
{
    struct pvirtq_state *state = &queue->packed_state;
    take_packed(target, queue);
    for (unsigned i = hostile_below(hostile, REQUESTS_MAX) + 1; i > 0; i--) {
        uint16_t head = state->next_avail;
        struct pieces pieces;
        make(target, &pieces, queue, hostile);
        if (!pvirtq_add(queue, pieces.buffers, pieces.readable, pieces.count - pieces.readable, 0))
            break;
        if (hostile_below(hostile, peace ? DAMAGE_IN_PEACE : 16) == 0)
            damage_packed(hostile, &queue->ring[(head + hostile_below(hostile, pieces.count)) % queue->size]);
    }
    pvirtq_show(queue);
    if (!peace && hostile_below(hostile, 32) == 0)
        state->next_avail = (uint16_t)hostile_below(hostile, queue->size);
    if (!peace && hostile_below(hostile, 32) == 0)
        *queue->driver_event = (uint32_t)hostile_bits(hostile);
}

/* A number that changes as the device uses requests. */
static uint64_t progress(struct target *target)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < target->prey->queues; i++) {
        struct virtq *queue = &target->queues[i];
        if (queue->size != 0 && queue->packed)
            take_packed(target, queue);
        else if (queue->size != 0)
            sum += *(volatile uint16_t *)&queue->used->idx;
    }
    return sum + target->packed_used;
}

void target_settle(struct target *target)
{
    uint64_t start = read_tsc(), moved = start, now = start, last = 0;
    while (now - moved < clock_ticks(IDLE_MILLIS) && now - start < clock_ticks(SETTLE_MILLIS)) {
        uint64_t sum = progress(target);
        if (sum != last)
            moved = now;
        last = sum;
        cpu_relax();
        now = read_tsc();
    }
}

void target_request(struct target *target, struct hostile *hostile, bool peace)
{
    struct virtq *queue = &target->queues[hostile_below(hostile, target->prey->queues)];
    if (queue->size == 0)
        return;
    if (queue->packed)
        request_packed(target, queue, hostile, peace);
    else
        request_split(target, queue, hostile, peace);
    mmio_write(queue->notify, queue->notify_width_bytes,
               hostile_below(hostile, 8) == 0 ? hostile_value(hostile) : queue->index);
}
