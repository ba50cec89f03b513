#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds the demo guest from its pinned inputs: always the same bytes, wherever it runs. README.md tells more.
#
#   images/build.sh           build (or take from the cache) and put the result into images/guest
#   images/build.sh --check   the same, but compare with images/guest instead. Exit status 0: the same, or no
#                             comparison is possible here, which one line says; 1: different; 2: a failure.
#
# Work is done in ${XDG_CACHE_HOME:-~/.cache}/isthmus/images, below a name made from everything that goes in.
set -eu
export LC_ALL=C TZ=UTC
umask 022

# The date in the kernel's version and in the initramfs: that of Debian's kernel package.
SOURCE_DATE_EPOCH=1794824260
export SOURCE_DATE_EPOCH

here=$(cd "$(dirname "$0")" && pwd)
guest=$here/guest
cache=${XDG_CACHE_HOME:-$HOME/.cache}/isthmus/images
outputs='bzImage initramfs.cpio guest.properties SOURCES COPYING.GPL-2.0 COPYING.LGPL-2.1 COPYING.busybox'

fail() {
    echo "images/build.sh: $*" >&2
    exit 2
}

# For --check: says why there is nothing to compare with, and that this is no failure.
give_up() {
    if $check; then
        echo "images/build.sh: guest images not checked: $*"
        exit 0
    fi
    fail "$*"
}

pinned() { # kind name: the rest of the line
    sed -n "s/^$1 $2 //p" "$here/pins"
}

# One line with the Debian packages to install, if a tool is missing.
require_tools() {
    missing=
    for need in gcc:gcc ld:binutils make:make flex:flex bison:bison bc:bc cpio:cpio patch:patch perl:perl \
        xz:xz-utils gzip:gzip dpkg-deb:dpkg apt-get:apt; do
        command -v "${need%%:*}" >/dev/null || missing="$missing ${need#*:}"
    done
    for need in /usr/include/libelf.h:libelf-dev /usr/include/stdio.h:libc6-dev \
        /usr/include/linux/input.h:linux-libc-dev; do
        [ -e "${need%%:*}" ] || missing="$missing ${need#*:}"
    done
    [ -z "$missing" ] || fail "please install what is missing: apt-get install --no-install-recommends$missing"
}

# The bytes depend on these tools. With others the guest works as well, but is not the same.
compare_tools() {
    for tool in gcc ld gzip; do
        expected=$(pinned tool $tool)
        found=$($tool --version | head -n 1)
        [ "$found" = "$expected" ] && continue
        if $check; then
            give_up "$tool here is \"$found\", the images are built with \"$expected\""
        fi
        echo "images/build.sh: the bytes may differ: $tool is \"$found\" instead of \"$expected\"" >&2
    done
}

inputs_hash() {
    {
        cd "$here"
        find build.sh pins guest.properties kernel init initramfs -type f | sort | xargs sha256sum
        for tool in gcc ld gzip; do $tool --version | head -n 1; done
    } | sha256sum | cut -c 1-16
}

# Leaves the path of the verified package file in $deb.
fetch_package() { # name
    pin=$(pinned package "$1")
    version=${pin% *}
    sha256=${pin#* }
    deb=$cache/packages/$sha256.deb
    [ -e "$deb" ] && return
    mkdir -p "$cache/packages"
    offered=$(apt-cache madison "$1" | awk '{ print $3 }')
    [ -n "$offered" ] || give_up "apt knows no package $1 (apt-get update, on Debian 12?)"
    echo "$offered" | grep -qxF "$version" || give_up "Debian no longer offers $1 $version"
    echo "images/build.sh: downloading $1 $version"
    rm -rf "$cache/packages/new"
    mkdir "$cache/packages/new"
    (cd "$cache/packages/new" && apt-get -qq -o APT::Sandbox::User=root download "$1=$version") ||
        fail "could not download $1 $version"
    echo "$sha256 $(echo "$cache/packages/new/"*.deb)" | sha256sum --check --quiet ||
        fail "$1 $version is not the file that was pinned"
    mv "$cache/packages/new/"*.deb "$deb"
}

build_kernel() { # in the current directory
    fetch_package linux-source-6.1
    dpkg-deb -x "$deb" kernel-package
    tar -xf kernel-package/usr/src/linux-source-6.1.tar.xz
    for patch in "$here"/kernel/*.patch; do
        patch --quiet --directory linux-source-6.1 -p1 <"$patch"
    done
    cp "$here/kernel/isthmus_defconfig" linux-source-6.1/arch/x86/configs/
    cd linux-source-6.1
    # GCC clears and copies memory byte by byte where it optimises for size, in all that runs once at boot:
    # eight times as slow where KVM emulates the kernel.
    set -- "-j$(nproc)" ARCH=x86 LOCALVERSION= KCFLAGS=-mstringop-strategy=rep_8byte \
        KBUILD_BUILD_TIMESTAMP="$(date -d "@$SOURCE_DATE_EPOCH")" KBUILD_BUILD_USER=isthmus \
        KBUILD_BUILD_HOST=isthmus KBUILD_BUILD_VERSION=1
    make "$@" isthmus_defconfig
    make "$@" bzImage
    cd ..
    cp linux-source-6.1/arch/x86/boot/bzImage out/
    cp linux-source-6.1/LICENSES/preferred/GPL-2.0 out/COPYING.GPL-2.0
    cp linux-source-6.1/LICENSES/preferred/LGPL-2.1 out/COPYING.LGPL-2.1
}

# Init needs no C library, and no registers that a host may not switch between processes.
build_init() {
    (cd "$here/init" && gcc -std=gnu11 -Os -Wall -Wextra -Werror -ffreestanding -fno-pic -no-pie \
        -fno-stack-protector -fno-asynchronous-unwind-tables -fno-ident -mgeneral-regs-only -static -nostdlib \
        -Wl,--build-id=none,-z,noexecstack,-z,noseparate-code -s -o "$1" ./*.c)
}

# A plain cpio archive: the kernel would have to decompress anything else.
build_initramfs() { # in the current directory, after build_kernel
    fetch_package busybox-static
    dpkg-deb -x "$deb" busybox-package
    cp busybox-package/usr/share/doc/busybox-static/copyright out/COPYING.busybox
    build_init "$PWD/init"
    sed -e '/^#/d' -e "s|@build@|$PWD|" -e "s|@here@|$here/initramfs|" "$here/initramfs/list" >initramfs-list
    gcc -O2 -o gen_init_cpio linux-source-6.1/usr/gen_init_cpio.c
    ./gen_init_cpio -t "$SOURCE_DATE_EPOCH" initramfs-list >out/initramfs.cpio
}

write_sources() {
    cat <<END
The files here come from these sources.

bzImage: Linux, GPL-2.0 with the system call note (COPYING.GPL-2.0). Its source is
    Debian's package linux-source-6.1, version and SHA-256
    $(pinned package linux-source-6.1)
    with images/kernel/*.patch applied and images/kernel/isthmus_defconfig as its configuration. It is made
    from Debian's source package
$(cat "$here/kernel/SOURCES")

initramfs.cpio: an archive of
    /bin/busybox, GPL-2.0 (COPYING.GPL-2.0, COPYING.busybox), the program of Debian's package
    busybox-static, version and SHA-256
    $(pinned package busybox-static)
    which is linked statically with the GNU C library, LGPL-2.1 or later (COPYING.LGPL-2.1). Both are made
    from Debian's source packages
$(cat "$here/initramfs/SOURCES")
    /init and all else: images/init and images/initramfs, Apache-2.0 (LICENSE of Isthmus).

All are put together by images/build.sh. Debian keeps old source packages on https://snapshot.debian.org/.
END
}

build() {
    work=$cache/$hash.work
    rm -rf "$work"
    mkdir -p "$work/out"
    cd "$work"
    # Not within the logged part: what it says is for the user, and it may end the script.
    fetch_package busybox-static
    fetch_package linux-source-6.1
    echo "images/build.sh: building in $work (about 10 minutes of processor time)"
    # Where the shell tests the status of a command itself, -e has no effect within that command.
    set +e
    (
        set -e
        build_kernel
        build_initramfs
    ) >build.log 2>&1 </dev/null
    status=$?
    set -e
    if [ $status -ne 0 ]; then
        tail -n 20 build.log >&2
        fail "the build failed; all it said is in $work/build.log"
    fi
    cp "$here/guest.properties" out/
    write_sources >out/SOURCES
    mv build.log "$cache/$hash.log"
    mv out "$cache/$hash"
    cd "$here"
    rm -rf "$work"
}

check=false
case "${1-}" in
'') ;;
--check) check=true ;;
*) fail "usage: images/build.sh [--check]" ;;
esac

require_tools
compare_tools
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
hash=$(inputs_hash)
[ -e "$cache/$hash" ] || build
cd "$cache/$hash"
# shellcheck disable=SC2086 # a list of names
sha256sum $outputs >SHA256SUMS

if $check; then
    different=
    for file in $outputs SHA256SUMS; do
        cmp -s "$file" "$guest/$file" || different="$different $file"
    done
    [ -z "$different" ] || {
        echo "images/build.sh: images/guest differs from its recipe in$different (run images/build.sh)" >&2
        exit 1
    }
    echo "images/build.sh: images/guest is what its recipe makes"
else
    mkdir -p "$guest"
    # shellcheck disable=SC2086
    cp $outputs SHA256SUMS "$guest/"
    echo "images/build.sh: images/guest is built"
fi
