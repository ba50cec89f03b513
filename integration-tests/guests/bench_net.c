/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_net.h"

#include "clock.h"
#include "console.h"
#include "cpu.h"
#include "frame.h"
#include "memory.h"
#include "net.h"
#include "options.h"
#include "text.h"

#define DEPTH_MAX 512
#define CACHE_LINE 64

/* A frame that takes longer from one device of the guest to the other is lost. */
#define LOST_SECONDS 30

/* Packets of one form, on their way through a device. */
struct sender {
    struct net *net;
    struct frame_form form;
    unsigned segments;
    uint8_t *packets;
    uint32_t packet_bytes, packet_stride;
    uint16_t idle[DEPTH_MAX]; /* numbers of packets, a stack */
    unsigned idle_count, depth;
};

/* What came of a run. */
struct counts {
    /* Packets of the form, and others. */
    uint64_t ops, others;
    uint64_t bytes, mismatches, ticks, kicks;
};

/* Where sent packets go outside: no station has this address. */
static const uint8_t nobody[MAC_BYTES] = {0x52, 0x54, 0x00, 0xff, 0xff, 0xfe};

static void read_form(struct frame_form *form)
{
    form->tso = option_number("tso", 0) != 0;
    uint64_t bytes = option_number("bytes", form->tso ? NET_FRAME_MAX : FRAME_BYTES_MIN);
    if (form->tso ? bytes <= SEGMENT_HEADERS_BYTES || bytes > NET_FRAME_MAX
                  : bytes < FRAME_BYTES_MIN || bytes > FRAME_BYTES_MAX)
        fail("bytes: from 60 to 1514, with tso=1 from 55 to 65549");
    form->bytes = (uint32_t)bytes;
    form->seed = option_number("seed", 1);
}

static void sender_init(struct sender *sender, struct net *net, const struct frame_form *form, unsigned depth)
{
    if (form->tso && (net->features & VIRTIO_NET_F_HOST_TSO4) == 0)
        fail("tso: the device does not offer it");
    uint64_t segments = option_number("segments", 1);
    if (segments < 1 || segments > NET_SEGMENTS_MAX)
        fail("segments: from 1 to 16");
    *sender = (struct sender){.net = net, .form = *form, .segments = (unsigned)segments, .depth = depth};
    sender->packet_bytes = (uint32_t)sizeof(struct net_header) + form->bytes;
    sender->packet_stride = (sender->packet_bytes + CACHE_LINE - 1) & -(uint32_t)CACHE_LINE;
    sender->packets = memory_allocate((size_t)sender->packet_stride * depth, CACHE_LINE);
    for (unsigned i = 0; i < depth; i++)
        sender->idle[sender->idle_count++] = (uint16_t)i;
}

static uint8_t *packet_of(const struct sender *sender, unsigned packet)
{
    return sender->packets + (size_t)packet * sender->packet_stride;
}

/* Adds an idle packet to the queue. */
static void send(struct sender *sender, uint16_t packet)
{
    if (!net_send(sender->net, packet_of(sender, packet), sender->packet_bytes, sender->segments, packet))
        fail("depth: more than the queue has room for");
}

/* Takes back what was sent; returns how many packets. */
static unsigned take_sent(struct sender *sender)
{
    uint32_t packet, written_bytes;
    unsigned count = 0;
    while (virtq_take(&sender->net->transmit, &packet, &written_bytes)) {
        if (written_bytes != 0)
            fail("the device wrote to a packet that it was to send");
        sender->idle[sender->idle_count++] = (uint16_t)packet;
        count++;
    }
    return count;
}

/* Sends for a time at the depth, then takes everything back. */
static void run_send(struct sender *sender, struct counts *counts, uint64_t ticks)
{
    uint64_t start = read_tsc(), now = start;
    while (now - start < ticks || sender->idle_count < sender->depth) {
        counts->ops += take_sent(sender);
        if (now - start < ticks) {
            while (sender->idle_count > 0)
                send(sender, sender->idle[--sender->idle_count]);
            virtq_publish(&sender->net->transmit);
        }
        cpu_relax();
        now = read_tsc();
    }
    counts->ticks += now - start;
}

static void bench_send(struct net *net, const struct frame_form *form, struct counts *counts, uint64_t warmup_ticks,
                       uint64_t run_ticks)
{
    static struct sender sender;
    uint64_t depth = option_number("depth", 128);
    if (depth < 1 || depth > DEPTH_MAX)
        fail("depth: from 1 to 512");
    sender_init(&sender, net, form, (unsigned)depth);
    options_check_all_used();
    /* The same packets again and again: what they carry was written before. */
    for (unsigned i = 0; i < sender.depth; i++)
        frame_write(packet_of(&sender, i), form, nobody, net->mac, i);
    run_send(&sender, counts, warmup_ticks);
    *counts = (struct counts){0};
    uint64_t kicks = net->transmit.kicks;
    print_text("begin\n");
    run_send(&sender, counts, run_ticks);
    print_text("end\n");
    counts->bytes = counts->ops * form->bytes;
    counts->kicks = net->transmit.kicks - kicks;
}

/* Receives for a time what comes. */
static void run_receive(struct net *net, uint32_t frame_bytes, struct counts *counts, uint64_t ticks)
{
    static struct net_packet packet;
    uint64_t start = read_tsc(), now = start;
    while (now - start < ticks) {
        while (net_receive(net, &packet)) {
            uint32_t bytes = packet.bytes - (uint32_t)sizeof(struct net_header);
            if (bytes == frame_bytes)
                counts->ops++;
            else
                counts->others++;
            counts->bytes += bytes;
            net_give_back(net, &packet);
        }
        virtq_publish(&net->receive);
        cpu_relax();
        now = read_tsc();
    }
    counts->ticks += now - start;
}

static void bench_receive(struct net *net, const struct frame_form *form, struct counts *counts, uint64_t warmup_ticks,
                          uint64_t run_ticks)
{
    options_check_all_used();
    run_receive(net, form->bytes, counts, warmup_ticks);
    *counts = (struct counts){0};
    uint64_t kicks = net->receive.kicks;
    print_text("begin\n");
    run_receive(net, form->bytes, counts, run_ticks);
    print_text("end\n");
    counts->kicks = net->receive.kicks - kicks;
}

/* From one device of the guest to another one on the same network; packets arrive whole and in their order. */
struct path {
    struct sender sender;
    struct net *to;
    uint32_t sent, received;
};

static void path_send(struct path *path, uint64_t ops)
{
    struct sender *sender = &path->sender;
    take_sent(sender);
    /* No more than were received: so that there are always buffers for them. */
    while (sender->idle_count > 0 && path->sent < ops && path->sent - path->received < sender->depth) {
        uint16_t packet = sender->idle[--sender->idle_count];
        frame_write(packet_of(sender, packet), &sender->form, path->to->mac, sender->net->mac, path->sent++);
        send(sender, packet);
    }
    virtq_publish(&sender->net->transmit);
}

/* Puts the parts of a packet together. */
static const uint8_t *whole(const struct net_packet *packet)
{
    static uint8_t bytes[sizeof(struct net_header) + NET_FRAME_MAX];
    uint32_t length = 0;
    for (unsigned i = 0; i < packet->count; i++) {
        if (packet->parts[i].length_bytes > sizeof bytes - length)
            fail("the device received a packet that is too long");
        memcpy(bytes + length, packet->parts[i].address, packet->parts[i].length_bytes);
        length += packet->parts[i].length_bytes;
    }
    return bytes;
}

/* Returns how many packets came. */
static unsigned path_receive(struct path *path, struct counts *counts)
{
    static struct net_packet packet;
    unsigned count = 0;
    while (net_receive(path->to, &packet)) {
        if (!frame_matches(whole(&packet), packet.bytes, &path->sender.form, path->to->mac, path->sender.net->mac,
                           path->received))
            counts->mismatches++;
        counts->bytes += packet.bytes - sizeof(struct net_header);
        path->received++;
        net_give_back(path->to, &packet);
        count++;
    }
    virtq_publish(&path->to->receive);
    return count;
}

/* Both ways at once, a number of packets each. */
static void bench_loop(struct net *net, const struct frame_form *form, struct counts *counts)
{
    static struct net other;
    static struct path paths[2];
    uint64_t ops = option_number("ops", 1000);
    uint64_t depth = option_number("depth", 8);
    net_open(&other, option_text("transport", "pci"), 1);
    uint64_t buffers = (sizeof(struct net_header) + form->bytes + net->buffer_bytes - 1) / net->buffer_bytes;
    if (depth < 1 || depth * buffers > net->receive.size)
        fail("depth: more than the queue has room for");
    sender_init(&paths[0].sender, net, form, (unsigned)depth);
    sender_init(&paths[1].sender, &other, form, (unsigned)depth);
    paths[0].to = &other;
    paths[1].to = net;
    options_check_all_used();
    uint64_t start = read_tsc(), last = start;
    while (counts->ops < 2 * ops) {
        for (unsigned i = 0; i < 2; i++) {
            path_send(&paths[i], ops);
            unsigned count = path_receive(&paths[i], counts);
            if (count > 0)
                last = read_tsc();
            counts->ops += count;
        }
        if (read_tsc() - last > clock_ticks(LOST_SECONDS * 1000))
            fail("a packet is lost");
        cpu_relax();
    }
    counts->ticks = read_tsc() - start;
    counts->kicks = net->transmit.kicks + other.transmit.kicks;
}

static void print_result(const struct net *net, const char *operation, const struct frame_form *form,
                         const struct counts *counts)
{
    print_text("result");
    print_text_field("op", operation);
    print_text_field("transport", net->device.transport->name);
    print_field("frame_bytes", form->bytes);
    print_field("tso", form->tso);
    print_field("mergeable", (net->features & VIRTIO_NET_F_MRG_RXBUF) != 0);
    print_field("event_idx", (net->features & VIRTIO_F_EVENT_IDX) != 0);
    print_field("packed", (net->features & VIRTIO_F_RING_PACKED) != 0);
    print_field("indirect", (net->features & VIRTIO_F_INDIRECT_DESC) != 0);
    print_field("ops", counts->ops);
    print_field("others", counts->others);
    print_field("bytes", counts->bytes);
    print_field("ticks", counts->ticks);
    print_field("ops_per_s", clock_per_second(counts->ops, counts->ticks));
    print_field("kicks", counts->kicks);
    print_field("mismatches", counts->mismatches);
    print_text("\n");
}

void bench_net(void)
{
    static struct net net;
    static struct counts counts;
    struct frame_form form;

    clock_init();
    const char *operation = option_text("op", "send");
    bool loop = text_equals(operation, "loop");
    uint64_t run_ticks = loop ? 0 : clock_ticks(option_number("seconds", 1) * 1000);
    uint64_t warmup_ticks = loop ? 0 : clock_ticks(option_number("warmup_ms", 0));
    read_form(&form);
    net_open(&net, option_text("transport", "pci"), (unsigned)option_number("device", 0));
    if (text_equals(operation, "send"))
        bench_send(&net, &form, &counts, warmup_ticks, run_ticks);
    else if (text_equals(operation, "receive"))
        bench_receive(&net, &form, &counts, warmup_ticks, run_ticks);
    else if (loop)
        bench_loop(&net, &form, &counts);
    else
        fail("op: none of send, receive, loop");
    print_result(&net, operation, &form, &counts);
    if (counts.mismatches > 0)
        fail("packets have changed on their way");
}
