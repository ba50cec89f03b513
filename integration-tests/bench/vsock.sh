# shellcheck shell=bash disable=SC2154 # what run has set
# The benchmark vsock: bytes a second of a stream between the guest and a program of the host.

vsock_cell() { # transport, what, the guest's operation, the host's
    local socket=$work/vsock.sock port=5000 lines=$work/vsock-$1-$3.txt status=0
    local cmdline="vsock transport=$1 op=$3 bs=64K port=$port seconds=${VSOCK_SECONDS:-2} warmup_ms=${VSOCK_WARMUP_MS:-8000} tsc_khz=$tsc_khz"
    # Where Firecracker's convention has programs listen for port 5000 of the host.
    "$work/unix_stream" "$4" "${socket}_$port" &
    local program=$!
    "$work/measure_guest" "${VSOCK_ROUNDS:-3}" \
        isthmus "$isthmus" run --kernel "$work/guest.elf" --memory 256M --serial stdio --debug-exit 0xf4 --transport "$1" \
        --vsock "cid=3,path=$socket" --cmdline "$cmdline" > "$lines" 2> "$lines.log" || status=$?
    kill "$program" 2>/dev/null || status=1
    wait "$program" 2>/dev/null || true
    rm -f "${socket}_$port"
    [ "$status" = 0 ] || fail "a run failed: see $lines.log"
    rates_row_of "$lines" "$2" MiB/s 0.0625 0
}

# Which transports: VSOCK_TRANSPORTS.
vsock() {
    local transport
    "$isthmus" run --help | grep -q -e --vsock || { echo "== vsock: not in this distribution"; return; }
    tsc_khz=$("$work/tsc_khz")
    "$root/integration-tests/guests/build" "$work/guest.elf"
    gcc -O2 -Wall -Wextra -D_GNU_SOURCE -o "$work/unix_stream" "$here/unix_stream.c"
    echo "== vsock: a driver at CPL 3 that polls, and a program on a Unix socket (${VSOCK_ROUNDS:-3} rounds)"
    echo " without a peer: QEMU leaves the device to the kernel's vhost or to another program"
    for transport in ${VSOCK_TRANSPORTS:-pci}; do
        echo " $transport; isthmus: the rate; CPU but the vCPU's for 64 KiB, µs; notifications for 64 KiB"
        rates_header streams
        vsock_cell "$transport" "guest to host, 64 KiB" send sink
        vsock_cell "$transport" "host to guest, 64 KiB" receive source
    done
}
