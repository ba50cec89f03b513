/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of PCI bus 0 and their configuration space (PCI Local Bus Specification 3.0, chapter 6). */
#ifndef PCI_H
#define PCI_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_DEVICES 32
#define PCI_FUNCTIONS 8

#define PCI_VENDOR_ID 0x00
#define PCI_DEVICE_ID 0x02
#define PCI_COMMAND 0x04
#define PCI_COMMAND_MEMORY 0x0002
#define PCI_COMMAND_MASTER 0x0004
#define PCI_COMMAND_INTX_DISABLE 0x0400
#define PCI_STATUS 0x06
#define PCI_STATUS_CAP_LIST 0x0010
#define PCI_HEADER_TYPE 0x0e
#define PCI_HEADER_TYPE_MULTI 0x80
#define PCI_BASE_ADDRESS_0 0x10
#define PCI_BARS 6
#define PCI_CAPABILITY_LIST 0x34

#define PCI_CAP_ID_MSIX 0x11

/* A function: its device number times 8 and its own. */
typedef uint8_t pci_function_t;

/* Finds the way to configuration space: memory at an address where a bridge answers there, the ports 0xcf8 otherwise. */
void pci_init(uint64_t ecam_address);

uint32_t pci_read(pci_function_t function, unsigned offset, unsigned width_bytes);
void pci_write(pci_function_t function, unsigned offset, unsigned width_bytes, uint32_t value);

/* By the ports, whatever pci_init() has found. */
void pci_write_by_ports(pci_function_t function, unsigned offset, uint32_t value);

bool pci_present(pci_function_t function);

/* Returns the next capability of an id behind another (0 for the first), or 0. */
unsigned pci_find_capability(pci_function_t function, uint8_t id, unsigned after);

/* Has a function answer in memory: gives addresses to BARs that have none, and turns decoding and bus mastering on. */
void pci_enable(pci_function_t function);

/* Returns where a memory BAR is. */
uint64_t pci_bar_address(pci_function_t function, unsigned bar);

/* Returns the length of a memory BAR, 0 where there is none; nobody else may use the function meanwhile. */
uint64_t pci_bar_bytes(pci_function_t function, unsigned bar);

/* What pci_enable() has set up, to be put back after somebody has written over it. */
struct pci_setup {
    uint32_t bars[PCI_BARS];
    uint32_t command;
};

void pci_save(pci_function_t function, struct pci_setup *setup);
void pci_restore(pci_function_t function, const struct pci_setup *setup);

#endif
