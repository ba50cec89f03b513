# shellcheck shell=bash
# Rates of devices that the driver guest measures, as rows of a table; for the benchmarks net, vsock and fs.

rates_header() { # what a row is
    printf "  %-30s %-10s %9s %9s %5s %5s %8s %8s %5s %6s %6s\n" "$1" unit isthmus qemu ratio best isthmus qemu ratio isth. qemu
}

# A row of measure_guest's lines: of each VMM the median rate, the ratio of the medians and of the best rounds; CPU but the
# vCPU's; notifications. A peer that is not there is left out. Returns 3 where the ratio of the medians is below the bound.
rates_row() { # what, unit, units an operation, bound
    awk -v what="$1" -v unit="$2" -v scale="$3" -v bound="$4" '
        function field(name,   i) {
            for (i = 2; i <= NF; i++) if (index($i, name "=") == 1) return substr($i, length(name) + 2) + 0
            return 0
        }
        function median(name, what,   k, i, j, t, v) {
            k = count[name]
            for (i = 0; i < k; i++) v[i] = value[name, what, i]
            for (i = 1; i < k; i++) { t = v[i]; for (j = i - 1; j >= 0 && v[j] > t; j--) v[j + 1] = v[j]; v[j + 1] = t }
            best = v[k - 1]
            return k % 2 ? v[int(k / 2)] : (v[k / 2 - 1] + v[k / 2]) / 2
        }
        field("status") != 1 || field("ops") == 0 { print "bench: a run failed: " $0 > "/dev/stderr"; failed = 1; exit 1 }
        {
            n = count[$1]++
            value[$1, "rate", n] = field("ops_per_s") * scale
            value[$1, "cpu", n] = field("other_ns") / field("ops") / 1000
            value[$1, "kicks", n] = field("kicks") / field("ops")
        }
        END {
            if (failed || count["isthmus"] == 0) exit 1
            ours = median("isthmus", "rate"); our_best = best
            if (count["qemu"] == 0) {
                printf "  %-30s %-10s %9.0f %9s %5s %5s %8.2f %8s %5s %6.3f\n", what, unit, ours, "", "", "",
                    median("isthmus", "cpu"), "", "", median("isthmus", "kicks")
                exit 0
            }
            theirs = median("qemu", "rate"); their_best = best
            our_cpu = median("isthmus", "cpu"); their_cpu = median("qemu", "cpu")
            printf "  %-30s %-10s %9.0f %9.0f %5.2f %5.2f %8.2f %8.2f %5.2f %6.3f %6.3f%s\n", what, unit, ours, theirs,
                ours / theirs, our_best / their_best, our_cpu, their_cpu, our_cpu / their_cpu,
                median("isthmus", "kicks"), median("qemu", "kicks"),
                ours < bound * theirs ? "  below bound (" bound ")" : ""
            exit ours < bound * theirs ? 3 : 0
        }' || return $?
}

# The same from a file; counts what is below its bound.
rates_row_of() { # file, what, unit, units an operation, bound
    local status=0
    rates_row "${@:2}" < "$1" || status=$?
    case $status in
        0) ;;
        3) below_bound=$((below_bound + 1)) ;;
        *) fail "no numbers: see $1" ;;
    esac
}

# Sets qemu to the machine for a device, as near to ours as it has it; the device is to be added.
# shellcheck disable=SC2154,SC2034,SC2054 # of run, for the benchmarks; the commas are QEMU's
qemu_for() { # transport
    local pcie=off
    [ "$1" = mmio ] || pcie=on
    qemu=("${microvm[@]}" -M "microvm,acpi=on,pcie=$pcie,rtc=on,pit=on,pic=on,isa-serial=on" -m 256 -serial stdio
        -cpu "host,-arch-capabilities" -name "bench,debug-threads=on" -global virtio-mmio.force-legacy=false)
}
