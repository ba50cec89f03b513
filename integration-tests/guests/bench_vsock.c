/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_vsock.h"

#include "clock.h"
#include "console.h"
#include "cpu.h"
#include "options.h"
#include "random.h"
#include "text.h"
#include "vsock.h"

#define PORT_DEFAULT 5000

/* How often the host is asked how far it is. */
#define CREDIT_REQUEST_MILLIS 20

/* Without a byte of the stream for so long, something has got stuck. */
#define STUCK_MILLIS 30000

static struct {
    struct vsock vsock;
    bool verify;
    uint64_t seed;
    uint32_t packet_bytes;

    /* Since the stream began. */
    uint64_t sent_bytes, received_bytes;
    uint64_t mismatches;
} bench;

/* What a verifying stream has at a place: byte i is that of mix64(seed + i / 8), little-endian. */
static uint8_t byte_at(uint64_t place)
{
    return (uint8_t)(mix64(bench.seed + place / 8) >> place % 8 * 8);
}

static void take(void *context, const uint8_t *data, uint32_t bytes)
{
    (void)context;
    if (bench.verify)
        for (uint32_t i = 0; i < bytes; i++)
            if (data[i] != byte_at(bench.received_bytes + i))
                bench.mismatches++;
    bench.received_bytes += bytes;
}

/* Sends all that there is room for, of what is left. */
static void send(uint64_t left)
{
    while (left > 0) {
        uint32_t bytes = left < bench.packet_bytes ? (uint32_t)left : bench.packet_bytes;
        struct vsock_packet *packet = vsock_begin(&bench.vsock, bytes);
        if (packet == NULL)
            return;
        if (bench.verify)
            for (uint32_t i = 0; i < bytes; i++)
                packet->data[i] = byte_at(bench.sent_bytes + i);
        vsock_send(&bench.vsock, bytes);
        bench.sent_bytes += bytes;
        left -= bytes;
    }
}

/* Goes on until so many bytes more, or ticks, are over; returns the ticks. */
static uint64_t run(bool sending, bool receiving, uint64_t bytes, uint64_t ticks)
{
    uint64_t start = read_tsc(), now = start, moved = start;
    uint64_t sent_end = bench.sent_bytes + bytes, received_end = bench.received_bytes + bytes;
    uint64_t last = bench.sent_bytes + bench.received_bytes;
    while (now - start < ticks
           && ((sending && bench.sent_bytes < sent_end) || (receiving && bench.received_bytes < received_end))) {
        if (sending)
            send(sent_end - bench.sent_bytes);
        vsock_poll(&bench.vsock, take, NULL);
        if (bench.vsock.state != VSOCK_CONNECTED && (!receiving || bench.received_bytes < received_end))
            fail("the host has ended the stream");
        now = read_tsc();
        if (bench.sent_bytes + bench.received_bytes != last) {
            last = bench.sent_bytes + bench.received_bytes;
            moved = now;
        } else if (now - moved > clock_ticks(STUCK_MILLIS)) {
            fail("the stream does not move");
        }
        cpu_relax();
    }
    return now - start;
}

/* All that was sent arrives before the stream ends. */
static void drain(void)
{
    uint64_t start = read_tsc(), asked = start;
    while (vsock_outstanding(&bench.vsock) > 0) {
        vsock_poll(&bench.vsock, take, NULL);
        uint64_t now = read_tsc();
        if (now - start > clock_ticks(STUCK_MILLIS))
            fail("the host does not take what was sent");
        if (now - asked > clock_ticks(CREDIT_REQUEST_MILLIS)) {
            vsock_ask_credit(&bench.vsock);
            asked = now;
        }
        cpu_relax();
    }
}

static void print_result(const char *operation, uint64_t bytes, uint64_t ticks, uint64_t kicks)
{
    uint64_t ops = bytes / bench.packet_bytes;
    print_text("result");
    print_text_field("op", operation);
    print_text_field("transport", bench.vsock.device.transport->name);
    print_field("bs", bench.packet_bytes);
    print_field("event_idx", (bench.vsock.features & VIRTIO_F_EVENT_IDX) != 0);
    print_field("packed", (bench.vsock.features & VIRTIO_F_RING_PACKED) != 0);
    print_field("indirect", (bench.vsock.features & VIRTIO_F_INDIRECT_DESC) != 0);
    print_field("bytes", bytes);
    print_field("ops", ops);
    print_field("ticks", ticks);
    print_field("ops_per_s", clock_per_second(ops, ticks));
    print_field("kicks", kicks);
    print_field("mismatches", bench.mismatches);
    print_text("\n");
}

static uint64_t moved_bytes(void)
{
    return bench.sent_bytes + bench.received_bytes;
}

static uint64_t kicks(void)
{
    return bench.vsock.receive.kicks + bench.vsock.transmit.kicks;
}

void bench_vsock(void)
{
    clock_init();
    const char *operation = option_text("op", "send");
    bool both = text_equals(operation, "both");
    bool sending = both || text_equals(operation, "send");
    bool receiving = both || text_equals(operation, "receive");
    if (!sending && !receiving)
        fail("op: none of send, receive, both");
    uint64_t packet_bytes = option_number("bs", VSOCK_DATA_MAX);
    if (packet_bytes < 1 || packet_bytes > VSOCK_DATA_MAX)
        fail("bs: from 1 to 64K");
    bench.packet_bytes = (uint32_t)packet_bytes;
    bench.verify = option_number("verify", 0) != 0;
    bench.seed = option_number("seed", 1);
    uint64_t bytes = option_number("total", 0);
    uint64_t run_ticks = bytes > 0 ? UINT64_MAX : clock_ticks(option_number("seconds", 1) * 1000);
    uint64_t warmup_ticks = clock_ticks(option_number("warmup_ms", 0));
    uint64_t port = option_number("port", PORT_DEFAULT);
    vsock_open(&bench.vsock, option_text("transport", "pci"), (unsigned)option_number("device", 0));
    options_check_all_used();

    vsock_connect(&bench.vsock, (uint32_t)port);
    if (warmup_ticks > 0)
        run(sending, receiving, UINT64_MAX / 2, warmup_ticks);
    uint64_t bytes_before = moved_bytes(), kicks_before = kicks();
    print_text("begin\n");
    uint64_t ticks = run(sending, receiving, bytes > 0 ? bytes : UINT64_MAX / 2, run_ticks);
    print_text("end\n");
    uint64_t bytes_moved = moved_bytes() - bytes_before, kicks_sent = kicks() - kicks_before;
    if (bytes > 0)
        drain();
    vsock_close(&bench.vsock, take, NULL);
    print_result(operation, bytes_moved, ticks, kicks_sent);
    if (bench.mismatches > 0)
        fail("mismatches");
}
