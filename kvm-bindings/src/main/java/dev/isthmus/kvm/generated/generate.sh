#!/bin/sh
# Prints this package's Java from linux.h with jextract: Linux.java gets the constants that includes.txt names.
#
# usage: generate.sh [DIRECTORY]    a Java source root to write to; default: the one this script lies in
#
# Made with jextract 23 or later on Debian 12 (linux-libc-dev 6.1, libc6-dev 2.36). The same headers give the same bytes.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=${1:-$(cd "$here/../../../.." && pwd)}

if ! command -v jextract >/dev/null 2>&1; then
    echo "generate.sh: jextract is not on the PATH; get it from https://jdk.java.net/jextract/" >&2
    exit 1
fi

package=$root/dev/isthmus/kvm/generated
jextract --target-package dev.isthmus.kvm.generated --header-class-name Linux --output "$root" \
    "@$here/includes.txt" "$here/linux.h"

# Constants are all that is wanted. What jextract prints to link functions calls into java.lang.foreign, which the
# bindings keep to one hand-written class, and would run whenever a VM starts.
rm "$package/Linux\$shared.java"
# shellcheck disable=SC2016 # the dollar is jextract's
sed -i -e 's/ extends Linux\$shared//' -e '/^import /d' \
    -e '/static final Arena LIBRARY_ARENA/d' -e '/static final SymbolLookup SYMBOL_LOOKUP/,/;$/d' \
    -e '/./,$!d' "$package/Linux.java"
sed -i -e '/^$/N;/^\n$/D' "$package/Linux.java"
