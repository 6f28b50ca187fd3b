# build and package the runtime
# SPDX-License-Identifier: Apache-2.0
# Runs inside the image, as its one RUN: bash -pc THIS wasmx-image RUNTIME VERSION ASSET_ARCH TOP_DIRECTORY PACKAGE_NAME
# JOBS (0: all) DATE (seconds) [NAME=value (for the module's script)]... Out: /wasmx/dist/$PACKAGE_NAME and its .sha256.
set -euo pipefail
umask 022

# The base image's environment steers programs: BASH_ENV the shells, TAR_OPTIONS and GZIP what is packaged, CI the
# module's script. Only what says where compilers are and how the network is reached passes. `bash -p` itself takes
# neither BASH_ENV nor functions from it, but would hand them on, hence the second start.
if [ "$0" != clean ]; then
    kept=("PATH=$PATH") unused=()
    for name in $(compgen -e); do
        case $name in
            LANG | LC_ALL | LC_CTYPE | CC | CXX | RUSTUP_HOME | RUSTUP_TOOLCHAIN | LD_LIBRARY_PATH | LIBRARY_PATH | \
                CPATH | C_INCLUDE_PATH | CPLUS_INCLUDE_PATH | PKG_CONFIG_PATH | SSL_CERT_FILE | SSL_CERT_DIR | \
                CURL_CA_BUNDLE | GIT_SSL_CAINFO | REQUESTS_CA_BUNDLE | http_proxy | https_proxy | ftp_proxy | \
                all_proxy | no_proxy | HTTP_PROXY | HTTPS_PROXY | FTP_PROXY | ALL_PROXY | NO_PROXY)
                kept+=("$name=${!name}")
                ;;
            PATH | HOME | CARGO_HOME | HOSTNAME | PWD | OLDPWD | SHLVL | TERM | _ | container) ;;
            *) unused+=("$name") ;;
        esac
    done
    if ((${#unused[@]} > 0)); then echo "ENV of the base image that is not used: ${unused[*]}"; fi
    exec /usr/bin/env -i "${kept[@]}" /bin/bash -pc "$BASH_EXECUTION_STRING" clean "$@"
fi

runtime=$1 version=$2 asset_arch=$3 top_directory=$4 package_name=$5 jobs=$6
export SOURCE_DATE_EPOCH=$7 # compilers heed it as well (reproducible-builds.org)
settings=("${@:8}")
scratch=/tmp/wasmx
log=$scratch/build.log
mkdir -p "$scratch/bin" "$scratch/home" /wasmx/dist

# What build tools keep beside their work goes with the scratch folder.
export HOME=$scratch/home CARGO_HOME=$scratch/home/cargo PYTHONPYCACHEPREFIX=$scratch/pycache

# v8.sh wants `python`; its own fallback overwrites its tar wrapper, so it must not come to that.
if ! command -v python >/dev/null && command -v python3 >/dev/null; then
    ln -s "$(command -v python3)" "$scratch/bin/python"
    export PATH=$scratch/bin:$PATH
fi

# BuildKit drops a step's output beyond 200 KiB a second and 2 MiB in all, and it is the end that is lost. The whole
# output goes to a file; what is shown live stays within a quarter of that.
show_within_limits() {
    local line shown=0 hidden=0 told=0
    while IFS= read -r line || [ -n "$line" ]; do
        local size=$((${#line} + 1))
        if ((size <= 8192 && shown + size <= 524288 && shown + size <= (SECONDS - started + 1) * 49152)); then
            if ((hidden > 0)); then
                echo "[... $hidden lines not shown]"
                hidden=0
            fi
            printf '%s\n' "$line"
            shown=$((shown + size))
        else
            hidden=$((hidden + 1))
            # A sign of life: the line of the moment, every half minute, for a day and more.
            if ((SECONDS - told >= 30)); then
                printf '[... %d lines not shown; now: %s]\n' "$hidden" "${line:0:160}"
                told=$SECONDS
                hidden=0
            fi
        fi
    done
    if ((hidden > 0)); then echo "[... $hidden lines not shown]"; fi
}

run_script() {
    cd /wasmx
    local limited=()
    # ninja knows no memory limit, but it counts the processors it may run on.
    if ((jobs > 0)); then
        limited=(taskset -c "$(allowed_processors "$jobs")")
        echo "using $jobs of $(nproc) processors, for the memory there is"
    fi
    env "${settings[@]}" "${limited[@]}" "/wasmx/util/runtimes/$runtime.sh" "/wasmx/work/$top_directory" "$version" \
        "$asset_arch"
}

# The first $1 processors of those this container may use, as taskset wants them.
allowed_processors() {
    local list part first last out=()
    list=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
    for part in ${list//,/ }; do
        first=${part%-*}
        last=${part#*-}
        while ((first <= last && ${#out[@]} < $1)); do
            out+=("$first")
            first=$((first + 1))
        done
    done
    local IFS=,
    echo "${out[*]}"
}

give_up() {
    local code=$1 what=$2
    # The limit is also by the second: the tail waits for a fresh one, so that it arrives.
    sleep 1
    echo "==== $what (exit code $code); the last lines of its output:"
    tail -c 32768 "$log" | tail -n 100 | cut -c 1-1000
    echo "==== $what (exit code $code)"
    exit "$code"
}

# Everything that is in the source tree now; what is there besides afterwards is left over from the build.
tree_now() { find /wasmx -mindepth 1 -path /wasmx/dist -prune -o -print0 | LC_ALL=C sort -z; }
tree_now >"$scratch/before"

started=$SECONDS
set +e
run_script </dev/null 2>&1 | tee "$log" | show_within_limits
code=${PIPESTATUS[0]}
set -e
((code == 0)) || give_up "$code" "util/runtimes/$runtime.sh failed"
[ -d "/wasmx/work/$top_directory" ] || give_up 1 "util/runtimes/$runtime.sh left no /wasmx/work/$top_directory"

# Reproducible: equal files give equal bytes, whoever builds and whenever.
cd /wasmx/work
tar --sort=name --format=gnu --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    --mode='u+rwX,go+rX,go-w' -cf - "$top_directory" | gzip -n >"/wasmx/dist/$package_name"
cd /wasmx/dist
sha256sum "$package_name" >"$package_name.sha256"
touch -d "@$SOURCE_DATE_EPOCH" "$package_name" "$package_name.sha256"
cat "$package_name.sha256"

rm -rf /wasmx/work
tree_now >"$scratch/after"
LC_ALL=C comm -z -13 "$scratch/before" "$scratch/after" | xargs -0 -r rm -rf --
cd /
rm -rf "$scratch" /root/.cache
