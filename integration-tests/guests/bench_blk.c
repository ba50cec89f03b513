/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_blk.h"

#include "clock.h"
#include "console.h"
#include "options.h"
#include "workload.h"

static void print_result(const struct workload *workload, uint64_t kicks)
{
    const struct blk *blk = workload->blk;
    const struct histogram *latency = &workload->latency_ticks;
    print_text("result");
    print_text_field("op", option_text("op", "randread"));
    print_text_field("transport", blk->device.transport->name);
    print_field("bs", workload->block_bytes);
    print_field("depth", workload->depth);
    print_field("queues", blk->queue_count);
    print_field("event_idx", (blk->features & VIRTIO_F_EVENT_IDX) != 0);
    print_field("packed", (blk->features & VIRTIO_F_RING_PACKED) != 0);
    print_field("indirect", (blk->features & VIRTIO_F_INDIRECT_DESC) != 0);
    print_field("ops", workload->ops);
    print_field("bytes", workload->ops * workload->block_bytes);
    print_field("ticks", workload->ticks);
    print_field("ops_per_s", clock_per_second(workload->ops, workload->ticks));
    print_field("latency_min_ns", workload->ops == 0 ? 0 : clock_nanos(latency->least));
    print_field("latency_median_ns", clock_nanos(histogram_quantile(latency, 500)));
    print_field("latency_p99_ns", clock_nanos(histogram_quantile(latency, 990)));
    print_field("kicks", kicks);
    print_field("interrupts", workload->interrupts);
    print_field("errors", workload->errors);
    print_field("mismatches", workload->mismatches);
    print_text("\n");
}

void bench_blk(void)
{
    static struct blk blk;
    static struct workload workload;

    clock_init();
    uint64_t ops = option_number("ops", 0);
    uint64_t run_ticks = clock_ticks(option_number("seconds", 1) * 1000);
    uint64_t warmup_ticks = clock_ticks(option_number("warmup_ms", 0));
    blk_open(&blk, option_text("transport", "pci"), (unsigned)option_number("device", 0));
    workload_init(&workload, &blk, option_number("verify", 0) != 0);
    options_check_all_used();

    if (workload.verify && !workload.write)
        workload_fill(&workload);
    if (warmup_ticks > 0)
        workload_run_ticks(&workload, warmup_ticks);
    uint64_t failures = workload.errors + workload.mismatches;
    workload_clear(&workload);
    uint64_t kicks = blk_kicks(&blk);
    /* Whoever measures the host's side of it does so between these two lines. */
    print_text("begin\n");
    if (ops > 0)
        workload_run_ops(&workload, ops);
    else
        workload_run_ticks(&workload, run_ticks);
    print_text("end\n");
    /* One that nobody asked for, at any time since the device was opened, is still to be seen. */
    if (blk.device.transport->take_interrupts(&blk.device))
        workload.interrupts++;
    print_result(&workload, blk_kicks(&blk) - kicks);
    failures += workload.errors;
    if (workload.verify && workload.write) {
        workload_clear(&workload);
        workload_check(&workload);
        print_text("checked");
        print_field("blocks", workload.ops);
        print_field("errors", workload.errors);
        print_field("mismatches", workload.mismatches);
        print_text("\n");
        failures += workload.errors;
    }
    failures += workload.mismatches;
    if (failures > 0)
        fail("errors or mismatches");
}
