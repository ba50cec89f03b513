# shellcheck shell=bash disable=SC2154 # what run has set
# The benchmark net: packets a second through a tap, sent and received.

# The driver guest's address, which send_frames.c sends to.
net_mac=52:54:00:12:34:56
net_tap=bench0

net_cell() { # transport, send or receive, bytes of a frame, 1 for segments that are divided later
    local cmdline what sender='' form=() name=$1-$2-$3
    local lines=$work/net-$name.txt
    cmdline="net transport=$1 op=$2 bytes=$3 seconds=${NET_SECONDS:-2} warmup_ms=${NET_WARMUP_MS:-8000} tsc_khz=$tsc_khz"
    # In the pieces and buffers in which Linux has it: headers and two fragments of 32 KiB; pages.
    [ "$4" = 0 ] || cmdline="$cmdline tso=1 buffer_bytes=4096"
    [ "$4$2" != 1send ] || cmdline="$cmdline segments=3"
    what="$2, $3 bytes"
    [ "$4" = 0 ] || { what="$what, TSO"; form=(tso); }
    if [ "$2" = receive ]; then
        "$work/send_frames" "$net_tap" "$3" "${form[@]}" &
        sender=$!
    fi
    qemu_for "$1"
    local device=virtio-net-device
    [ "$1" = mmio ] || device=virtio-net-pci-non-transitional
    # shellcheck disable=SC2054 # the commas are QEMU's
    qemu+=(-netdev "tap,id=net0,vhost=off,ifname=$net_tap,script=no,downscript=no"
        -device "$device,netdev=net0,mac=$net_mac")
    local status=0
    "$work/measure_guest" "${NET_ROUNDS:-3}" \
        isthmus "$isthmus" run --kernel "$work/guest.elf" --memory 256M --serial stdio --debug-exit 0xf4 --transport "$1" \
        --net "tap,name=$net_tap,mac=$net_mac" --cmdline "$cmdline" -- \
        qemu "${qemu[@]}" -kernel "$work/guest.elf" -append "$cmdline" > "$lines" 2> "$lines.log" || status=$?
    if [ -n "$sender" ]; then
        kill "$sender" 2>/dev/null || status=1
        wait "$sender" 2>/dev/null || true
    fi
    [ "$status" = 0 ] || fail "a run failed: see $lines.log"
    rates_row_of "$lines" "$what" packets/s 1 1.0
}

# In a network namespace that has the tap and nothing else.
net_cells() {
    local transport cell operation bytes tso
    ip tuntap add dev "$net_tap" mode tap vnet_hdr
    # So that the host sends nothing of its own.
    sysctl -qw "net.ipv6.conf.$net_tap.disable_ipv6=1"
    ip link set "$net_tap" up
    for transport in ${NET_TRANSPORTS:-pci}; do
        echo " $transport; isthmus and qemu: packets a second, their ratio by medians and by best rounds; CPU but the vCPU's a packet,"
        echo " µs; notifications a packet"
        rates_header packets
        for cell in ${NET_OPS:-send:64 send:1500 send:65226:tso receive:64 receive:1500 receive:65226:tso}; do
            IFS=: read -r operation bytes tso <<< "$cell"
            net_cell "$transport" "$operation" "$bytes" "$([ -z "$tso" ] && echo 0 || echo 1)"
        done
    done
}

# Which of these is measured: NET_TRANSPORTS, NET_OPS ("send:64 receive:65226:tso …").
net() {
    if [ -z "${NET_IN_NAMESPACE-}" ]; then
        for tool in ip unshare; do
            command -v "$tool" > /dev/null || fail "$tool is missing: apt-get install iproute2 util-linux"
        done
        [ "$(id -u)" = 0 ] || fail "net: making a tap takes root"
        local status=0
        NET_IN_NAMESPACE=1 unshare --net "$here/run" net || status=$?
        [ "$status" -le 1 ] || exit "$status"
        below_bound=$((below_bound + status))
        return
    fi
    tsc_khz=$("$work/tsc_khz")
    "$root/integration-tests/guests/build" "$work/guest.elf"
    gcc -O2 -Wall -Wextra -D_GNU_SOURCE -o "$work/send_frames" "$here/send_frames.c"
    echo "== net: a driver at CPL 3 that polls, a tap, and nobody behind it (${NET_ROUNDS:-3} rounds)"
    net_cells
}
