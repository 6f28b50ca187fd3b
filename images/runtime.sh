# build and package the runtime
# SPDX-License-Identifier: Apache-2.0
# Runs inside the image, as its one RUN. In: RUNTIME RUNTIME_VERSION ASSET_ARCH TOP_DIRECTORY PACKAGE_NAME
# SCRIPT_ENVIRONMENT (NAME=value lines) JOBS (0: all) SOURCE_DATE_EPOCH. Out: /wasmx/dist/$PACKAGE_NAME and its .sha256.
set -euo pipefail
umask 022
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
    local limited=() settings=()
    # ninja knows no memory limit, but it counts the processors it may run on.
    if ((JOBS > 0)); then
        limited=(taskset -c "$(allowed_processors "$JOBS")")
        echo "using $JOBS of $(nproc) processors, for the memory there is"
    fi
    if [ -n "$SCRIPT_ENVIRONMENT" ]; then mapfile -t settings <<<"$SCRIPT_ENVIRONMENT"; fi
    env "${settings[@]}" "${limited[@]}" "/wasmx/util/runtimes/$RUNTIME.sh" "/wasmx/work/$TOP_DIRECTORY" \
        "$RUNTIME_VERSION" "$ASSET_ARCH"
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
((code == 0)) || give_up "$code" "util/runtimes/$RUNTIME.sh failed"
[ -d "/wasmx/work/$TOP_DIRECTORY" ] || give_up 1 "util/runtimes/$RUNTIME.sh left no /wasmx/work/$TOP_DIRECTORY"

# Reproducible: equal files give equal bytes, whoever builds and whenever.
cd /wasmx/work
tar --sort=name --format=gnu --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    --mode='u+rwX,go+rX,go-w' -cf - "$TOP_DIRECTORY" | gzip -n >"/wasmx/dist/$PACKAGE_NAME"
cd /wasmx/dist
sha256sum "$PACKAGE_NAME" >"$PACKAGE_NAME.sha256"
touch -d "@$SOURCE_DATE_EPOCH" "$PACKAGE_NAME" "$PACKAGE_NAME.sha256"
cat "$PACKAGE_NAME.sha256"

rm -rf /wasmx/work
tree_now >"$scratch/after"
LC_ALL=C comm -z -13 "$scratch/before" "$scratch/after" | xargs -0 -r rm -rf --
cd /
rm -rf "$scratch" /root/.cache
