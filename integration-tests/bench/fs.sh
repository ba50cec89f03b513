# shellcheck shell=bash disable=SC2154 # what run has set
# The benchmark fs: a folder of the host, read in sequence, and its names and files looked up, made and removed.

fs_cell() { # transport, what, unit, units an operation, the guest's options
    local cmdline="fs transport=$1 $5 seconds=${FS_SECONDS:-2} warmup_ms=${FS_WARMUP_MS:-8000} tsc_khz=$tsc_khz"
    local lines=$work/fs-$1-${2//[^A-Za-z0-9]/-}.txt peer=()
    if [ -n "$virtiofsd" ]; then
        local device=vhost-user-fs-device
        [ "$1" = mmio ] || device=vhost-user-fs-pci
        qemu_for "$1"
        # The daemon maps the guest's memory. The commas are QEMU's.
        # shellcheck disable=SC2054
        qemu+=(-object "memory-backend-memfd,id=ram,size=256M,share=on" -machine "memory-backend=ram"
            -chardev "socket,id=fs0,path=$work/virtiofsd.sock" -device "$device,chardev=fs0,tag=bench")
        peer=(-- qemu "$here/qemu_fs" "$virtiofsd" "$work/virtiofsd.sock" "$work/folder"
            "${qemu[@]}" -kernel "$work/guest.elf" -append "$cmdline")
    fi
    "$work/measure_guest" "${FS_ROUNDS:-3}" \
        isthmus "$isthmus" run --kernel "$work/guest.elf" --memory 256M --serial stdio --debug-exit 0xf4 --transport "$1" \
        --fs "path=$work/folder,tag=bench" --cmdline "$cmdline" "${peer[@]}" > "$lines" 2> "$lines.log" \
        || fail "a run failed: see $lines.log"
    rates_row_of "$lines" "$2" "$3" "$4" 1.0
}

# Which transports: FS_TRANSPORTS; how large the file: FS_MIB.
fs() {
    local transport virtiofsd=
    for daemon in /usr/lib/qemu/virtiofsd /usr/libexec/virtiofsd; do
        [ ! -x "$daemon" ] || virtiofsd=$daemon
    done
    # It takes namespaces of its own.
    [ "$(id -u)" = 0 ] || virtiofsd=
    tsc_khz=$("$work/tsc_khz")
    "$root/integration-tests/guests/build" "$work/guest.elf"
    mkdir -p "$work/folder"
    dd if=/dev/zero of="$work/folder/file" bs=1M count="${FS_MIB:-512}" status=none
    echo "== fs: a FUSE client at CPL 3 that polls, on a folder in page cache (${FS_ROUNDS:-3} rounds)"
    [ -n "$virtiofsd" ] || echo " without a peer: QEMU's needs virtiofsd, of Debian's qemu-system-common or virtiofsd, and root"
    for transport in ${FS_TRANSPORTS:-pci}; do
        echo " $transport; isthmus and qemu: rates, their ratio by medians and by best rounds; CPU but the vCPU's a request, µs;"
        echo " notifications a request"
        rates_header requests
        fs_cell "$transport" "read, 128 KiB, depth 1" MiB/s 0.125 "op=read bs=128K depth=1"
        fs_cell "$transport" "read, 128 KiB, depth 8" MiB/s 0.125 "op=read bs=128K depth=8"
        fs_cell "$transport" "read, 1 MiB, depth 1" MiB/s 1 "op=read bs=1M depth=1"
        fs_cell "$transport" "read, 1 MiB, depth 4" MiB/s 1 "op=read bs=1M depth=4"
        fs_cell "$transport" "LOOKUP, GETATTR" requests/s 1 "op=lookup"
        fs_cell "$transport" "CREATE, RELEASE, UNLINK" requests/s 1 "op=create"
    done
    rm -rf "$work/folder"
}
