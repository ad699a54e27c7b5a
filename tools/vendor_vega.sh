#!/bin/sh
# Refreshes src/whyfit/report/vendor: the minified UMD builds of Vega, Vega-Lite and Vega-Embed with
# their licences, from the packages of their authors. Needs npm (`npm pack`) and tar.
#
#   sh tools/vendor_vega.sh                  the versions below
#   VEGA=6.4.0 sh tools/vendor_vega.sh       another one; then state it here and in vendor/README.md
set -eu

VEGA=${VEGA:-6.4.0}
VEGA_LITE=${VEGA_LITE:-6.4.3}
VEGA_EMBED=${VEGA_EMBED:-7.3.0}

vendor=$(cd "$(dirname "$0")/.." && pwd)/src/whyfit/report/vendor
mkdir -p "$vendor"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

vendor_package() {
    name=$1 version=$2
    (cd "$scratch" && npm pack --silent "$name@$version" >/dev/null)
    mkdir "$scratch/$name"
    tar -xzf "$scratch/$name-$version.tgz" -C "$scratch/$name" --strip-components=1
    # The source maps are not vendored, so the pointer to them is taken out.
    sed '/^\/\/# sourceMappingURL=/d' "$scratch/$name/build/$name.min.js" >"$vendor/$name.min.js"
    cp "$scratch/$name/LICENSE" "$vendor/LICENSE-$name"
    echo "$name $version"
}

vendor_package vega "$VEGA"
vendor_package vega-lite "$VEGA_LITE"
vendor_package vega-embed "$VEGA_EMBED"
