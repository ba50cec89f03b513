#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Completes the distribution that Maven has laid out: records the AOT cache in a training run, adds the shell
# completion, and packs the archive. The training run is better with /dev/kvm, but does without.
#
# usage: assemble.sh DISTRIBUTION ARCHIVE SKIP_ARCHIVE
set -eu

distribution=$1
archive=$2
skip_archive=$3
lib=$distribution/lib

rm -f "$lib/isthmus.aot" "$archive"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! "$distribution/runtime/bin/java" "@$lib/jvm.options" -XX:AOTCacheOutput="$lib/isthmus.aot" \
    -m dev.isthmus.vmm/dev.isthmus.vmm.command.AotTraining "$distribution" \
    </dev/null >"$log" 2>&1 || ! [ -s "$lib/isthmus.aot" ]; then
    cat "$log" >&2
    echo "assemble.sh: the training run for the AOT cache failed" >&2
    exit 1
fi

mkdir -p "$distribution/share/bash-completion/completions"
"$distribution/bin/isthmus" completion bash >"$distribution/share/bash-completion/completions/isthmus"

if [ "$skip_archive" != true ]; then
    name=$(basename "$archive" .tar.gz)
    # Times and all: the AOT cache is valid for files of these times only.
    tar -C "$distribution/.." --owner=0 --group=0 --sort=name --transform "s,^isthmus,$name," \
        -cf - "$(basename "$distribution")" | gzip -9n >"$archive"
fi
