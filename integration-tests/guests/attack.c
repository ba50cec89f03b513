/* SPDX-License-Identifier: Apache-2.0 */
#include "attack.h"

#include "clock.h"
#include "console.h"
#include "cpu.h"
#include "hostile.h"
#include "mmio.h"
#include "options.h"
#include "target.h"
#include "text.h"
#include "workload.h"

/* How much longer than the attack the other device may take with what it has begun. */
#define VICTIM_PATIENCE_SECONDS 60

/* The victim writes for so long, then reads for so long, then tells. */
#define VICTIM_PHASE_MILLIS 500

#define REQUESTS_AFTER_START 64

#define ECAM_FUNCTION_BYTES 4096
#define PCI_CONFIG_BYTES 256

/* Bits that tell the delivery mode of a message: without them it is fixed or of lowest priority, which disturbs nobody. */
#define MSI_DATA_MODE 0x600ull

enum victim_state { VICTIM_STARTING, VICTIM_BUSY, VICTIM_DONE };

static struct {
    struct blk blk;
    struct workload workload;
    enum victim_state state;
    bool stop;
} victim;

static struct {
    struct hostile hostile;
    struct target targets[TARGETS_MAX];
    unsigned target_count;
    bool on_pci;
    /* What has been done. */
    uint64_t register_writes, register_reads, config_writes, scribbles, requests, starts, recovered;
} attacker;

static void print_progress(const struct workload *workload)
{
    console_lock();
    print_text("progress");
    print_field("ops", workload->ops);
    print_field("errors", workload->errors);
    print_field("mismatches", workload->mismatches);
    print_text("\n");
    console_unlock();
}

/* The second processor: I/O as ever. */
static void run_victim(uint64_t unused)
{
    struct workload *workload = &victim.workload;
    (void)unused;
    workload_fill(workload);
    __atomic_store_n(&victim.state, VICTIM_BUSY, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&victim.stop, __ATOMIC_ACQUIRE)) {
        workload->write = true;
        workload_run_ticks(workload, clock_ticks(VICTIM_PHASE_MILLIS));
        workload->write = false;
        workload_run_ticks(workload, clock_ticks(VICTIM_PHASE_MILLIS));
        print_progress(workload);
    }
    workload_check(workload);
    __atomic_store_n(&victim.state, VICTIM_DONE, __ATOMIC_RELEASE);
    for (;;)
        cpu_relax();
}

/* A random place of a window for an access, which is aligned but now and then. */
static uintptr_t place_in(const struct window *window, unsigned width_bytes)
{
    struct hostile *hostile = &attacker.hostile;
    uint32_t offset = hostile_below(hostile, window->bytes);
    if (hostile_below(hostile, 16) != 0)
        offset &= ~(width_bytes - 1);
    return window->address + (offset + width_bytes > window->bytes ? 0 : offset);
}

static uint64_t register_value(const struct target *target)
{
    struct hostile *hostile = &attacker.hostile;
    uint64_t value = hostile_value(hostile) | (uint64_t)hostile_value(hostile) << 32;
    if (hostile_below(hostile, 4) != 0)
        value &= UINT32_MAX;
    /* It may be the data of a message. */
    return target->on_pci ? value & ~(MSI_DATA_MODE | MSI_DATA_MODE << 32) : value;
}

static void access_register(struct target *target)
{
    struct hostile *hostile = &attacker.hostile;
    const struct window *window = &target->windows[hostile_below(hostile, target->window_count)];
    unsigned width_bytes = 1u << hostile_below(hostile, 4);
    uintptr_t place = place_in(window, width_bytes);
    if (hostile_below(hostile, 4) == 0) {
        mmio_read(place, width_bytes);
        attacker.register_reads++;
    } else {
        mmio_write(place, width_bytes, register_value(target));
        attacker.register_writes++;
    }
}

/* Configuration space: of the device or of any other function, but not of the one that has to go on. */
static void write_config(struct target *target)
{
    struct hostile *hostile = &attacker.hostile;
    pci_function_t function = target->device.function;
    if (hostile_below(hostile, 2) == 0)
        function = (pci_function_t)hostile_below(hostile, PCI_DEVICES * PCI_FUNCTIONS);
    if (function / PCI_FUNCTIONS == victim.blk.device.function / PCI_FUNCTIONS)
        return;
    uint32_t value = hostile_value(hostile) & (uint32_t)~MSI_DATA_MODE;
    if (hostile_below(hostile, 8) == 0) {
        pci_write_by_ports(function, hostile_below(hostile, PCI_CONFIG_BYTES), value);
    } else {
        unsigned width_bytes = 1u << hostile_below(hostile, 3);
        uint32_t bytes = hostile_below(hostile, 8) == 0 ? ECAM_FUNCTION_BYTES : PCI_CONFIG_BYTES;
        pci_write(function, hostile_below(hostile, bytes) & ~(width_bytes - 1), width_bytes, value);
    }
    attacker.config_writes++;
}

static void step(void)
{
    struct hostile *hostile = &attacker.hostile;
    struct target *target = &attacker.targets[hostile_below(hostile, attacker.target_count)];
    switch (hostile_below(hostile, 16)) {
    case 0:
        target_start(target, hostile);
        attacker.starts++;
        /* Some requests in peace, which get somewhere. */
        for (unsigned i = hostile_below(hostile, REQUESTS_AFTER_START); i > 0; i--) {
            target_request(target, hostile, true);
            attacker.requests++;
        }
        target_settle(target);
        break;
    case 1:
    case 2:
        if (attacker.on_pci)
            write_config(target);
        break;
    case 3:
        hostile_scribble(hostile, 1 + hostile_below(hostile, 256));
        attacker.scribbles++;
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        target_request(target, hostile, false);
        attacker.requests++;
        break;
    default:
        access_register(target);
    }
}

static void add_target(const struct prey *prey, const struct virtio_device *device, unsigned number)
{
    if (attacker.target_count == TARGETS_MAX)
        fail("more devices than can be attacked");
    uintptr_t rings = attacker.hostile.sandbox + (uintptr_t)attacker.target_count * PREY_QUEUES_MAX * RINGS_BYTES;
    target_open(&attacker.targets[attacker.target_count++], prey, device, number, rings);
}

static unsigned targets_of(const struct prey *prey, unsigned blk_count)
{
    /* Where words may be pages, there is nothing but a balloon. */
    if (attacker.hostile.pages || prey->id == VIRTIO_ID_BALLOON)
        return attacker.hostile.pages && prey->id == VIRTIO_ID_BALLOON ? TARGETS_MAX : 0;
    return prey->id == VIRTIO_ID_BLOCK ? blk_count : TARGETS_MAX;
}

/* So many of the block devices behind the first, and all devices of other types. */
static void find_targets(const char *transport, unsigned blk_count)
{
    for (unsigned i = 0; i < PREYS; i++) {
        const struct prey *prey = &preys[i];
        unsigned first = prey->id == VIRTIO_ID_BLOCK ? 1 : 0;
        unsigned count = targets_of(prey, blk_count);
        struct virtio_device device;
        for (unsigned j = first; j < first + count && virtio_find(&device, prey->id, transport, j); j++)
            add_target(prey, &device, j);
    }
    if (attacker.target_count == 0)
        fail("there is nothing to attack");
}

static void await_victim(enum victim_state state, uint64_t seconds)
{
    uint64_t start = read_tsc();
    while (__atomic_load_n(&victim.state, __ATOMIC_ACQUIRE) != state) {
        if (read_tsc() - start > clock_ticks(seconds * 1000))
            fail("the device that was not attacked has stopped");
        cpu_relax();
    }
}

/* How many requests the devices of each type have answered that there are. */
static void print_used_by_type(void)
{
    print_text("used");
    for (unsigned i = 0; i < PREYS; i++) {
        uint64_t used = 0;
        bool there = false;
        for (unsigned j = 0; j < attacker.target_count; j++) {
            const struct target *target = &attacker.targets[j];
            if (target->prey != &preys[i])
                continue;
            there = true;
            used += target->used + target->packed_used;
        }
        if (there)
            print_field(preys[i].name, used);
    }
    print_text("\n");
}

static void print_result(void)
{
    const struct workload *workload = &victim.workload;
    uint64_t used = 0, packed_used = 0;
    for (unsigned i = 0; i < attacker.target_count; i++) {
        used += attacker.targets[i].used;
        packed_used += attacker.targets[i].packed_used;
    }
    console_lock();
    print_used_by_type();
    print_text("result");
    print_field("register_writes", attacker.register_writes);
    print_field("register_reads", attacker.register_reads);
    print_field("config_writes", attacker.config_writes);
    print_field("scribbles", attacker.scribbles);
    print_field("requests", attacker.requests);
    print_field("starts", attacker.starts);
    print_field("used", used);
    print_field("packed_used", packed_used);
    print_field("recovered", attacker.recovered);
    print_field("ops", workload->ops);
    print_field("errors", workload->errors);
    print_field("mismatches", workload->mismatches);
    print_text("\n");
    console_unlock();
}

void attack(void)
{
    const char *transport = option_text("transport", "pci");
    uint64_t seconds = option_number("seconds", 10);
    clock_init();
    attacker.on_pci = text_equals(transport, "pci");
    hostile_init(&attacker.hostile, option_number("seed", 1), option_number("balloon", 0) != 0);
    find_targets(transport, (unsigned)option_number("targets", 1));
    blk_open(&victim.blk, transport, 0);
    workload_init(&victim.workload, &victim.blk, true);
    options_check_all_used();

    start_second_cpu(run_victim, 0);
    await_victim(VICTIM_BUSY, VICTIM_PATIENCE_SECONDS);
    uint64_t start = read_tsc();
    while (read_tsc() - start < clock_ticks(seconds * 1000))
        step();
    for (unsigned i = 0; i < attacker.target_count; i++) {
        target_restore(&attacker.targets[i]);
        attacker.targets[i].device.transport->set_status(&attacker.targets[i].device, 0);
    }
    __atomic_store_n(&victim.stop, true, __ATOMIC_RELEASE);
    await_victim(VICTIM_DONE, VICTIM_PATIENCE_SECONDS);
    for (unsigned i = 0; i < attacker.target_count; i++) {
        attacker.targets[i].prey->use(transport, attacker.targets[i].number);
        attacker.recovered++;
    }
    print_result();
    if (victim.workload.errors + victim.workload.mismatches > 0)
        fail("the device that was not attacked has lost data");
}
