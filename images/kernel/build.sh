#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds the guest kernel in the current directory, from Debian's package linux-source-6.1 (a file, $1).
# Leaves in out/ what is wanted of it. images/build.sh calls this with SOURCE_DATE_EPOCH set.
set -eux

here=$(cd "$(dirname "$0")" && pwd)

dpkg-deb -x "$1" package
tar -xf package/usr/src/linux-source-6.1.tar.xz
cd linux-source-6.1
for patch in "$here"/*.patch; do
    patch -p1 <"$patch"
done
cp "$here/isthmus_defconfig" arch/x86/configs/

# In code that runs once, at boot, GCC optimises for size and clears and copies memory byte by byte, unless
# told otherwise: eight times as slow where KVM emulates the kernel.
set -- "-j$(nproc)" ARCH=x86 LOCALVERSION= KCFLAGS=-mstringop-strategy=rep_8byte \
    KBUILD_BUILD_TIMESTAMP="$(date -d "@$SOURCE_DATE_EPOCH")" KBUILD_BUILD_USER=isthmus \
    KBUILD_BUILD_HOST=isthmus KBUILD_BUILD_VERSION=1
make "$@" isthmus_defconfig
make "$@" bzImage

# The VMM enters the kernel by PVH, which this note offers.
readelf --notes vmlinux | grep -q '^ *Xen .*0x00000012'

mkdir -p ../out
cp arch/x86/boot/bzImage usr/gen_init_cpio.c ../out/
cp LICENSES/preferred/GPL-2.0 ../out/COPYING.GPL-2.0
cp LICENSES/preferred/LGPL-2.1 ../out/COPYING.LGPL-2.1
