/* SPDX-License-Identifier: Apache-2.0 */
#include "pci.h"

#include "console.h"
#include "cpu.h"
#include "mmio.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE 0x80000000u

#define BAR_IS_IO 0x1
#define BAR_TYPE_64 0x4
#define BAR_TYPE_MASK 0x6
#define BAR_FLAGS 0xful

/*
 * Where BARs go that no firmware has given an address: the middle of the 32-bit window that QEMU's microvm and Isthmus
 * have (0xc0000000 to 0xdfffffff), so as not to meet those that have one, which begin at its start.
 */
#define FREE_WINDOW_START 0xd0000000ul
#define FREE_WINDOW_END 0xe0000000ul

/* A capability list can't be longer: 192 bytes behind the header, 4 a capability at least. */
#define CAPABILITIES_MAX 48

static uintptr_t ecam; /* 0 for the ports */
static uint64_t next_free = FREE_WINDOW_START;

void pci_init(uint64_t ecam_address)
{
    ecam = mmio_read(ecam_address, 4) == 0xffffffff ? 0 : ecam_address;
    if (!pci_present(0))
        fail("there is no PCI bus");
}

/* The ports' way to an aligned double word: CONFIG_ADDRESS selects it. */
static void select_register(pci_function_t function, unsigned offset)
{
    port_out(CONFIG_ADDRESS, 4, CONFIG_ENABLE | (uint32_t)function << 8 | (offset & 0xfc));
}

static uintptr_t ecam_register(pci_function_t function, unsigned offset)
{
    return ecam + ((uintptr_t)function << 12) + offset;
}

uint32_t pci_read(pci_function_t function, unsigned offset, unsigned width_bytes)
{
    if (ecam != 0)
        return (uint32_t)mmio_read(ecam_register(function, offset), width_bytes);
    select_register(function, offset);
    return port_in((uint16_t)(CONFIG_DATA + (offset & 3)), width_bytes);
}

void pci_write(pci_function_t function, unsigned offset, unsigned width_bytes, uint32_t value)
{
    if (ecam != 0) {
        mmio_write(ecam_register(function, offset), width_bytes, value);
        return;
    }
    select_register(function, offset);
    port_out((uint16_t)(CONFIG_DATA + (offset & 3)), width_bytes, value);
}

void pci_write_by_ports(pci_function_t function, unsigned offset, uint32_t value)
{
    select_register(function, offset);
    port_out(CONFIG_DATA, 4, value);
}

bool pci_present(pci_function_t function)
{
    return pci_read(function, PCI_VENDOR_ID, 2) != 0xffff;
}

unsigned pci_find_capability(pci_function_t function, uint8_t id, unsigned after)
{
    if ((pci_read(function, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST) == 0)
        return 0;
    unsigned at = pci_read(function, after == 0 ? PCI_CAPABILITY_LIST : after + 1, 1) & 0xfc;
    for (unsigned i = 0; at != 0 && i < CAPABILITIES_MAX; i++) {
        if (pci_read(function, at, 1) == id)
            return at;
        at = pci_read(function, at + 1, 1) & 0xfc;
    }
    return 0;
}

static unsigned bar_register(unsigned bar)
{
    return PCI_BASE_ADDRESS_0 + 4 * bar;
}

static bool is_64_bit(uint32_t low)
{
    return (low & BAR_IS_IO) == 0 && (low & BAR_TYPE_MASK) == BAR_TYPE_64;
}

uint64_t pci_bar_address(pci_function_t function, unsigned bar)
{
    uint32_t low = pci_read(function, bar_register(bar), 4);
    uint64_t high = is_64_bit(low) ? pci_read(function, bar_register(bar + 1), 4) : 0;
    return high << 32 | (low & ~BAR_FLAGS);
}

/* Writing ones shows which address bits there are (6.2.5.1); decoding is to be off meanwhile. */
static uint64_t bar_size(pci_function_t function, unsigned bar)
{
    uint32_t low = pci_read(function, bar_register(bar), 4);
    if ((low & BAR_IS_IO) != 0)
        return 0;
    uint32_t high = 0, high_mask = 0xffffffff;
    pci_write(function, bar_register(bar), 4, 0xffffffff);
    uint32_t low_mask = pci_read(function, bar_register(bar), 4);
    pci_write(function, bar_register(bar), 4, low);
    if (is_64_bit(low)) {
        high = pci_read(function, bar_register(bar + 1), 4);
        pci_write(function, bar_register(bar + 1), 4, 0xffffffff);
        high_mask = pci_read(function, bar_register(bar + 1), 4);
        pci_write(function, bar_register(bar + 1), 4, high);
    }
    if ((low_mask & ~BAR_FLAGS) == 0)
        return 0;
    return ~((uint64_t)high_mask << 32 | (low_mask & ~BAR_FLAGS)) + 1;
}

static void place_bar(pci_function_t function, unsigned bar, uint64_t size)
{
    uint64_t address = (next_free + size - 1) & -size;
    if (address + size > FREE_WINDOW_END)
        fail("no room for a BAR");
    next_free = address + size;
    pci_write(function, bar_register(bar), 4, (uint32_t)address);
    if (is_64_bit(pci_read(function, bar_register(bar), 4)))
        pci_write(function, bar_register(bar + 1), 4, 0);
}

void pci_enable(pci_function_t function)
{
    uint32_t command = pci_read(function, PCI_COMMAND, 2);
    pci_write(function, PCI_COMMAND, 2, command & ~(uint32_t)PCI_COMMAND_MEMORY);
    for (unsigned bar = 0; bar < PCI_BARS; bar++) {
        uint32_t low = pci_read(function, bar_register(bar), 4);
        uint64_t size = bar_size(function, bar);
        uint64_t address = pci_bar_address(function, bar);
        /* The page tables end at 4 GiB. */
        if (size != 0 && (address == 0 || address >> 32 != 0))
            place_bar(function, bar, size);
        if (is_64_bit(low))
            bar++;
    }
    command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE;
    pci_write(function, PCI_COMMAND, 2, command);
}

uint64_t pci_bar_bytes(pci_function_t function, unsigned bar)
{
    uint32_t command = pci_read(function, PCI_COMMAND, 2);
    pci_write(function, PCI_COMMAND, 2, command & ~(uint32_t)PCI_COMMAND_MEMORY);
    uint64_t size = bar_size(function, bar);
    pci_write(function, PCI_COMMAND, 2, command);
    return size;
}

void pci_save(pci_function_t function, struct pci_setup *setup)
{
    for (unsigned bar = 0; bar < PCI_BARS; bar++)
        setup->bars[bar] = pci_read(function, bar_register(bar), 4);
    setup->command = pci_read(function, PCI_COMMAND, 2);
}

void pci_restore(pci_function_t function, const struct pci_setup *setup)
{
    pci_write(function, PCI_COMMAND, 2, 0);
    for (unsigned bar = 0; bar < PCI_BARS; bar++)
        pci_write(function, bar_register(bar), 4, setup->bars[bar]);
    pci_write(function, PCI_COMMAND, 2, setup->command);
}
