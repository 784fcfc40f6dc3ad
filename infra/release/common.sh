# shellcheck shell=bash disable=SC2034
# Sourced by the scripts beside it: where things are, the pinned tools, how functions are built.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
export CARGO_INCREMENTAL=0 CARGO_TERM_COLOR=never CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
# No path of this machine in the binaries, so that the same sources give the same bytes elsewhere. cargo-lambda's own flags
# are kept beside these; RUSTFLAGS would replace them.
unset RUSTFLAGS
remap="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$PWD=/muster"
export CARGO_BUILD_RUSTFLAGS="$remap --remap-path-prefix=$CARGO_TARGET_DIR=/target"

tools=$PWD/target/release-tools
out=$PWD/target/release-zips
cargo_lambda_version=1.9.2
sam_version=1.170.0
cyclonedx_version=0.5.9

step() {
    local name=$1 start=$SECONDS
    shift
    echo "== $name"
    "$@"
    echo "== $name: $((SECONDS - start)) s"
}

fail() {
    echo "$*" >&2
    exit 1
}

# Installs Python packages, pinned, into a folder of their own: install_python NAME PACKAGE==VERSION…
install_python() {
    local venv=$tools/$1
    shift
    [ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "$@"
}

# The wheel brings its own linker, zig.
install_cargo_lambda() {
    install_python build "cargo-lambda==$cargo_lambda_version"
    export PATH="$tools/build/bin:$PATH"
}

# Sets `arch` and `target`, or says what is missing.
choose_arch() {
    arch=${1:-}
    case $arch in
    x86_64) target=x86_64-unknown-linux-gnu flag=--x86-64 ;;
    arm64) target=aarch64-unknown-linux-gnu flag=--arm64 ;;
    *) fail "usage: $0 x86_64|arm64" ;;
    esac
    export flag
    [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ] ||
        fail "Rust has no standard library for $arch here; run: rustup target add $target"
}

# The functions, one a line: each folder of functions/ is one.
functions() {
    find functions -mindepth 2 -maxdepth 2 -name Cargo.toml -printf '%h\n' | sed 's|.*/||' | sort
}
