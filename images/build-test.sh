#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Tests what images/build.sh says and how it ends where its inputs are not as they should be: a copy of the recipe
# with a kernel that takes no time, and a package archive of its own in a directory, with the real apt, dpkg and gcc.
# Takes a few seconds, no network and no rights.
set -eu
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
trap 'exit 2' HUP INT TERM

recipe=$root/images
archive=$root/archive
output=$root/output
failures=0

export XDG_CACHE_HOME="$root/cache" APT_CONFIG="$root/apt.conf"

# A package of the archive: its name, its version, what is in its one file.
make_package() {
    rm -rf "$root/package"
    mkdir -p "$root/package/DEBIAN" "$root/package/bin" "$root/package/usr/share/doc/$1"
    cat >"$root/package/DEBIAN/control" <<END
Package: $1
Version: $2
Architecture: amd64
Maintainer: Nobody <nobody@example.invalid>
Description: for a test
END
    echo "$3" >"$root/package/bin/busybox"
    echo "copyright" >"$root/package/usr/share/doc/$1/copyright"
    dpkg-deb --root-owner-group -b "$root/package" "$archive/$1.deb" >/dev/null
}

# Has the archive list what lies in it, and apt read the list.
publish() {
    : >"$archive/Packages"
    for file in "$archive"/*.deb; do
        {
            dpkg-deb -f "$file" Package Version Architecture Maintainer Description
            echo "Filename: ./${file##*/}"
            echo "Size: $(stat -c %s "$file")"
            echo "SHA256: $(sha256sum "$file" | cut -d ' ' -f 1)"
            echo
        } >>"$archive/Packages"
    done
    apt-get -qq update
}

# Pins a package as it lies in the archive, but with this version and SHA-256 where they are given.
pin() {
    sha256=$(sha256sum "$archive/$1.deb" | cut -d ' ' -f 1)
    sed -i "/^package $1 /d" "$recipe/pins"
    echo "package $1 $2 ${3-$sha256}" >>"$recipe/pins"
}

make_apt() {
    mkdir -p "$root/apt/state/lists/partial" "$root/apt/cache/archives/partial" "$root/apt/etc/apt.conf.d" \
        "$root/apt/etc/preferences.d" "$root/apt/log"
    : >"$root/apt/status"
    echo "deb [trusted=yes] file:$archive ./" >"$root/apt/etc/sources.list"
    cat >"$APT_CONFIG" <<END
Dir "$root/apt";
Dir::State "$root/apt/state";
Dir::State::status "$root/apt/status";
Dir::Cache "$root/apt/cache";
Dir::Etc "$root/apt/etc";
Dir::Log "$root/apt/log";
Dir::Bin::methods "/usr/lib/apt/methods";
APT::Architecture "amd64";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::AllowInsecureRepositories "true";
END
}

# The recipe with a kernel of one line, everything else as it is.
make_recipe() {
    rm -rf "$recipe" "$XDG_CACHE_HOME" "$archive"
    mkdir "$recipe" "$archive"
    cp -r "$here/build.sh" "$here/init" "$here/initramfs" "$here/guest.properties" "$recipe/"
    mkdir "$recipe/kernel"
    cp "$here/kernel/SOURCES" "$recipe/kernel/"
    cat >"$recipe/kernel/build.sh" <<'END'
#!/bin/sh
set -e
mkdir out
dpkg-deb --fsys-tarfile "$1" >out/bzImage
echo 'int puts(const char *); int main(void) { return puts("an archive") < 0; }' >out/gen_init_cpio.c
echo "a licence" >out/COPYING.GPL-2.0
echo "a licence" >out/COPYING.LGPL-2.1
END
    chmod +x "$recipe/kernel/build.sh"
    for tool in gcc ld gzip; do
        echo "tool $tool $($tool --version | head -n 1)" >>"$recipe/pins"
    done
    make_package linux-source-6.1 6.1.1-1 "a kernel"
    make_package busybox-static 1:1.2-3+b4 "a shell"
    make_package dpkg 1.2 "any other package"
    publish
    pin linux-source-6.1 6.1.1-1
    pin busybox-static 1:1.2-3+b4
}

# Runs build.sh and sees how it ends and what it says last: expect STATUS TEXT [ARGUMENT…]
expect() {
    status=$1
    text=$2
    shift 2
    ended=0
    PATH=${tools:+$tools:}$PATH "$recipe/build.sh" "$@" >"$output" 2>&1 || ended=$?
    if [ "$ended" = "$status" ] && tail -n 1 "$output" | grep -qF -- "$text"; then
        return
    fi
    failures=$((failures + 1))
    echo "build-test.sh: $case: build.sh $*: status $ended instead of $status, or it does not say '$text':" >&2
    sed 's/^/    /' "$output" >&2
}

case='inputs as pinned'
make_apt
make_recipe
expect 0 'built images/guest'
expect 0 'images/guest is what its recipe makes' --check

case='the recipe has changed'
echo '# another' >>"$recipe/guest.properties"
expect 1 'images/build.sh changes guest.properties SHA256SUMS' --check

case='a file of the guest has changed'
echo 'x' >>"$recipe/guest/bzImage"
expect 1 'are not those that its SHA256SUMS names' --check

case='Debian has gone on to another version'
make_recipe
expect 0 'built images/guest'
make_package busybox-static 1:1.2-3+b5 "another shell"
publish
rm -r "$XDG_CACHE_HOME"
expect 0 'guest images not checked: Debian no longer offers busybox-static 1:1.2-3+b4' --check
expect 2 'Debian no longer offers busybox-static 1:1.2-3+b4'

case='Debian has nothing of that name'
rm "$archive/linux-source-6.1.deb"
publish
rm -r "$XDG_CACHE_HOME"
expect 0 'guest images not checked: Debian no longer offers linux-source-6.1 6.1.1-1' --check

case='what is cached is enough'
make_recipe
expect 0 'built images/guest'
rm "$archive"/*.deb
expect 0 'images/guest is what its recipe makes' --check

case='apt has no lists'
rm -r "$XDG_CACHE_HOME" "$root/apt/state/lists"
mkdir -p "$root/apt/state/lists/partial"
expect 2 'apt has no lists of packages: run apt-get update' --check

case='the archive does not answer'
make_recipe
expect 0 'built images/guest'
rm -r "$XDG_CACHE_HOME" "$archive/linux-source-6.1.deb"
expect 2 'could not download linux-source-6.1 6.1.1-1' --check

case='the archive serves something else than it lists'
make_package linux-source-6.1 6.1.1-1 "a damaged kernel"
expect 2 'could not download linux-source-6.1 6.1.1-1' --check

case='the archive lists something else than was pinned'
publish
expect 2 'linux-source-6.1 6.1.1-1 is not the file that was pinned' --check
expect 2 'linux-source-6.1 6.1.1-1 is not the file that was pinned' --check

case='a cached package is damaged'
make_recipe
expect 0 'built images/guest'
for file in "$XDG_CACHE_HOME"/isthmus/images/*.deb; do
    echo x >>"$file"
done
expect 0 'images/guest is what its recipe makes' --check
rm "$archive/busybox-static.deb"
for file in "$XDG_CACHE_HOME"/isthmus/images/*.deb; do
    echo x >>"$file"
done
expect 2 'could not download busybox-static 1:1.2-3+b4' --check

case='the kernel does not build'
make_recipe
expect 0 'built images/guest'
echo 'echo "a compiler error"; exit 1' >"$recipe/kernel/build.sh"
expect 2 'the kernel did not build' --check

case='another compiler'
make_recipe
expect 0 'built images/guest'
tools=$root/tools
mkdir "$tools"
cat >"$tools/gcc" <<END
#!/bin/sh
[ "\$1" = --version ] && echo 'gcc (Other) 99.1' && exit
exec $(command -v gcc) "\$@"
END
chmod +x "$tools/gcc"
expect 0 "guest images not checked: gcc here is 'gcc (Other) 99.1'" --check
expect 0 'built images/guest'
grep -qF "the bytes may differ: gcc here is 'gcc (Other) 99.1'" "$output" || {
    echo "build-test.sh: $case: no warning" >&2
    failures=$((failures + 1))
}
tools=

case='wrong usage'
expect 2 'usage: images/build.sh [--check]' --chekc

if [ "$failures" != 0 ]; then
    echo "build-test.sh: $failures failures" >&2
    exit 1
fi
echo "build-test.sh: images/build.sh does what it should where its inputs are not as they should be"
