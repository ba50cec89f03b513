#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds the demo guest from its pinned inputs: always the same bytes, wherever it runs. README.md tells more.
#
#   images/build.sh           build the guest and put it into images/guest
#   images/build.sh --check   build it and compare with images/guest. Exit status 0: the same, or one line
#                             said why there is nothing to compare; 1: different; 2: failed, as without
#                             a network.
#
# The work is done in ${XDG_CACHE_HOME:-~/.cache}/isthmus/images, where downloads stay and the kernel, too,
# under a name made from all that goes into it.
set -eu
export LC_ALL=C TZ=UTC
umask 022

# The date in the kernel's version and in the initramfs: that of Debian's kernel package.
export SOURCE_DATE_EPOCH=1794824260

here=$(cd "$(dirname "$0")" && pwd)
guest=$here/guest
cache=${XDG_CACHE_HOME:-$HOME/.cache}/isthmus/images
outputs='bzImage initramfs.cpio guest.properties SOURCES COPYING.GPL-2.0 COPYING.LGPL-2.1 COPYING.busybox'

say() {
    echo "images/build.sh: $*"
}

fail() {
    say "$@" >&2
    exit 2
}

# Where nothing is wrong but the bytes can't be had here: without --check there is no result, with it there is
# just nothing to compare. Faults that go away, as a network that is down, are failures in both cases.
cannot() {
    $check || fail "$@"
    say "guest images not checked: $*"
    exit 0
}

# The rest of the line of `pins` that starts with this kind and name.
pinned() {
    sed -n "s/^$1 $2 //p" "$here/pins"
}

require_tools() {
    missing=
    for need in gcc:gcc ld:binutils make:make flex:flex bison:bison bc:bc perl:perl patch:patch xz:xz-utils \
        dpkg-deb:dpkg apt-get:apt; do
        command -v "${need%:*}" >/dev/null || missing="$missing ${need#*:}"
    done
    for need in stdio.h:libc6-dev linux/input.h:linux-libc-dev libelf.h:libelf-dev; do
        [ -e "/usr/include/${need%:*}" ] || missing="$missing ${need#*:}"
    done
    [ -z "$missing" ] || fail "tools are missing: apt-get install --no-install-recommends$missing"
}

# The bytes depend on these tools. What others make works as well but is not the same.
compare_tools() {
    for tool in gcc ld gzip; do
        expected=$(pinned tool $tool)
        found=$($tool --version | head -n 1)
        [ "$found" = "$expected" ] && continue
        ! $check || cannot "$tool here is '$found', and they are built with '$expected'"
        say "the bytes may differ: $tool here is '$found' instead of '$expected'" >&2
    done
}

# Whether a file has this SHA-256.
is_file() {
    echo "$2  $1" | sha256sum --check --status
}

# The versions that apt could download.
offered() {
    apt-cache madison "$1" | awk '{ print $3 }'
}

# Leaves the path of the package's file, verified, in $package.
fetch() {
    pin=$(pinned package "$1")
    version=${pin% *}
    sha256=${pin#* }
    package=$cache/$sha256.deb
    if [ -e "$package" ]; then
        is_file "$package" "$sha256" && return
        say "$package is damaged" >&2
        rm "$package"
    fi
    if ! offered "$1" | grep -qxF "$version"; then
        [ -n "$(offered dpkg)" ] || fail "apt has no lists of packages: run apt-get update"
        cannot "Debian no longer offers $1 $version"
    fi
    say "downloading $1 $version"
    rm -rf "$cache/download"
    mkdir "$cache/download"
    (cd "$cache/download" && apt-get -qq -o APT::Sandbox::User=root download "$1=$version") ||
        fail "could not download $1 $version: see above, and try again"
    is_file "$(echo "$cache/download/"*.deb)" "$sha256" || fail "$1 $version is not the file that was pinned"
    mv "$cache/download/"*.deb "$package"
}

# Leaves the directory with the kernel in $kernel.
build_kernel() {
    hash=$(
        cd "$here"
        {
            find pins kernel -type f | sort | xargs sha256sum
            for tool in gcc ld gzip; do $tool --version | head -n 1; done
        } | sha256sum
    )
    kernel=$cache/kernel-$(echo "$hash" | cut -c 1-16)
    [ -e "$kernel" ] && return
    fetch linux-source-6.1
    say "building the kernel in $kernel.work (about 10 minutes of processor time)"
    rm -rf "$kernel.work"
    mkdir "$kernel.work"
    (cd "$kernel.work" && exec "$here/kernel/build.sh" "$package") >"$kernel.log" 2>&1 </dev/null || {
        tail -n 20 "$kernel.log" >&2
        fail "the kernel did not build: $kernel.log"
    }
    mv "$kernel.work/out" "$kernel"
    rm -rf "$kernel.work"
}

# Into the current directory. Init needs no C library, and no registers that a host may fail to switch between
# processes.
build_init() {
    gcc -std=gnu11 -Os -Wall -Wextra -Werror -ffreestanding -fno-pic -no-pie -fno-stack-protector \
        -fno-asynchronous-unwind-tables -fno-ident -mgeneral-regs-only -static -nostdlib \
        -Wl,--build-id=none,-z,noexecstack,-z,noseparate-code -s -o init "$here"/init/*.c
}

# A plain cpio archive: the guest would have to decompress anything else.
build_initramfs() {
    fetch busybox-static
    dpkg-deb -x "$package" busybox-static
    build_init
    gcc -O2 -o gen_init_cpio "$kernel/gen_init_cpio.c"
    mkdir files
    cp "$here"/initramfs/* init busybox-static/bin/busybox files/
    touch -d "@$SOURCE_DATE_EPOCH" files/*
    sed -e '/^#/d' -e "s|@files@|$PWD/files|" files/list >list
    ./gen_init_cpio -t "$SOURCE_DATE_EPOCH" list >initramfs.cpio
    cp busybox-static/usr/share/doc/busybox-static/copyright COPYING.busybox
}

write_sources() {
    cat <<END
These files are made by images/build.sh of Isthmus from the following sources.

bzImage: Linux, GPL-2.0 with the system call note (COPYING.GPL-2.0). Its source is Debian's package
linux-source-6.1 $(pinned package linux-source-6.1 | sed 's/ /, SHA-256\n    /')
with images/kernel/*.patch applied and images/kernel/isthmus_defconfig as its configuration. Debian makes that
package from its source package
$(cat "$here/kernel/SOURCES")

initramfs.cpio: /bin/busybox in it is BusyBox, GPL-2.0 (COPYING.GPL-2.0, COPYING.busybox), from Debian's
package busybox-static $(pinned package busybox-static | sed 's/ /, SHA-256\n    /')
and contains parts of the GNU C library, LGPL-2.1 or later (COPYING.LGPL-2.1). Debian makes it from its source
packages
$(cat "$here/initramfs/SOURCES")
All else in it is from images/init and images/initramfs, Apache-2.0 (LICENSE of Isthmus).

Debian offers these files in its package archive and, when they are old, in its snapshot archive.
END
}

check=false
case "$#,${1-}" in
0,) ;;
1,--check) check=true ;;
*) fail "usage: images/build.sh [--check]" ;;
esac

require_tools
# What needs no building is checked in any case.
if $check && ! (cd "$guest" && sha256sum --check --status --strict SHA256SUMS); then
    say "the files in images/guest are not those that its SHA256SUMS names" >&2
    exit 1
fi
compare_tools
case $cache in
*[[:space:]:]*) fail "Linux cannot be built below $cache: spaces or colons (set XDG_CACHE_HOME)" ;;
esac
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
build_kernel
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
cd "$work"
build_initramfs
cp "$kernel/bzImage" "$kernel/COPYING.GPL-2.0" "$kernel/COPYING.LGPL-2.1" "$here/guest.properties" .
write_sources >SOURCES
# shellcheck disable=SC2086 # a list of names
sha256sum $outputs >SHA256SUMS

if ! $check; then
    mkdir -p "$guest"
    # shellcheck disable=SC2086
    cp $outputs SHA256SUMS "$guest/"
    say "built images/guest"
    exit
fi
different=
for file in $outputs SHA256SUMS; do
    cmp -s "$file" "$guest/$file" || different="$different $file"
done
if [ -n "$different" ]; then
    say "images/guest is not what its recipe makes; images/build.sh changes$different" >&2
    exit 1
fi
say "images/guest is what its recipe makes"
