# SPDX-License-Identifier: Apache-2.0
# Builds and packages a runtime, in a container over the source image:
#   bash -pc THIS wasmx-image RUNTIME VERSION ASSET_ARCH TOP_DIRECTORY PACKAGE_NAME PROCESSORS (0: all) DISK (bytes) DATE (seconds)
#            fresh|keep (the work) CONSUMER (text of consumer.c) CONSUMER_FLAGS LINK_LINE DEPOT_TOOLS (a ref, or empty)
# In: the module at /wasmx, and a volume at /wasmx/work that keeps the work of earlier builds.
# Out: /wasmx/dist/$PACKAGE_NAME and its .sha256.
# Lines that begin with "==> " tell the tool which phase begins; "==> fact NAME: VALUE" is for the record of the build,
# "==> free: " and "==> oom kills: " are evidence after a failure.
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

runtime=$1 version=$2 asset_arch=$3 top_directory=$4 package_name=$5 processors=$6 disk=$7 date=$8 wish=$9 consumer=${10}
read -ra consumer_flags <<<"${11}"
read -ra link_line <<<"${12}"
wanted_depot_tools=${13}
work=/wasmx/work
scratch=/tmp/wasmx
# Not in the volume: what an earlier version left can never be packaged.
target=$scratch/target/$top_directory
mkdir -p "$scratch/bin" "$scratch/home" "$scratch/target" /wasmx/dist

export HOME=$scratch/home CARGO_HOME=$work/cargo PYTHONPYCACHEPREFIX=$scratch/pycache
# Compilers heed it too (reproducible-builds.org). One date for every commit: an object that an earlier commit left in
# the volume is the one that this commit would make.
export SOURCE_DATE_EPOCH=315532800
# A Docker engine may give a soft limit of 1024 below a hard one of half a million.
hard=$(ulimit -Hn)
ulimit -Sn "$([ "$hard" = unlimited ] || ((hard > 65536)) && echo 65536 || echo "$hard")"

# The kernel gives the lock back whatever becomes of the container.
if command -v flock >/dev/null; then
    exec 9>"$work/.lock"
    flock -n 9 || { echo "==> busy" && exit 75; }
fi

if [ "$wish" = fresh ]; then find "$work" -mindepth 1 -maxdepth 1 ! -name .lock -exec rm -rf {} +; fi

echo "==> checking the container"
missing=()
need() { # COMMAND WHY
    command -v "$1" >/dev/null || missing+=("$1: $2")
}
((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) || missing+=("bash 4.4 or later: this is $BASH_VERSION")
tar --sort=name --help >/dev/null 2>&1 || missing+=("GNU tar 1.28 or later: packages are made with tar --sort")
need gzip "packages are compressed with it"
need sha256sum "packages get a checksum"
script=/wasmx/util/runtimes/$runtime.sh
# Whether the module's script has the word, as a command has it: `ninja -C x` and not "ninja: ".
runs() { grep -qE "(^|[^A-Za-z0-9_./-])$1([[:space:]]|\$)" "$script"; }
for tool in git curl python3 xz pkg-config ninja make cmake cargo perl; do
    if runs "$tool"; then need "$tool" "util/runtimes/$runtime.sh runs it"; fi
done
compiler=${CXX:-$(command -v g++ || command -v clang++ || echo c++)}
if runs '(ninja|make|cmake|cargo|gcc|clang|g\+\+)' && ! { echo '#include <concepts>' | $compiler -std=c++20 -fsyntax-only -x c++ - 2>"$scratch/compiler"; }; then
    missing+=("a C++20 compiler with its library: \`$compiler -std=c++20\` says: $(head -n 1 "$scratch/compiler")")
fi
case $asset_arch in
    arm64) machine=aarch64 ;;
    *) machine=$asset_arch ;;
esac
[ "$(uname -m)" = "$machine" ] || missing+=("a machine that is $machine: this container runs on $(uname -m)")

# The module's script clones depot_tools, which updates itself, and syncs V8's main before it checks the version out:
# one commit of the module would be built from other things next month. It takes both as they are where they are there,
# so they are put there first. Empty: it is a script that does not do that.
libwee8=$work/runtimes/libwee8
v8=$libwee8/repos/v8
depot_tools=$libwee8/tools/depot_tools
v8_url=https://chromium.googlesource.com/v8/v8.git # as depot_tools has it, fetch_configs/v8.py
depot_tools_url=
if runs 'fetch v8'; then
    depot_tools_url=$(sed -nE "s#.*git clone.*[[:space:]\"'](https?://[^[:space:]\"']*/depot_tools(\.git)?)([[:space:]\"'].*)?\$#\1#p" "$script" | head -n 1)
fi
if [ -n "$wanted_depot_tools" ] && [ -z "$depot_tools_url" ]; then
    echo "error: --depot-tools has nothing to decide: util/runtimes/$runtime.sh does not clone depot_tools"
    exit 1
fi
has_v8_tag() { git -C "$v8" rev-parse -q --verify "refs/tags/$version^{commit}" >/dev/null 2>&1; }

# Names are only resolved here where no proxy does it, and only for what is still to be cloned.
still_to_clone() {
    if [ ! -e "$v8" ]; then sed -nE "s#.*git clone.*(https?://[^[:space:]\"']*).*#\1#p" "$script"; fi
    if [ -n "$depot_tools_url" ]; then
        if [ ! -e "$depot_tools" ]; then echo "$depot_tools_url"; fi
        if ! has_v8_tag; then echo "$v8_url"; fi
    fi
}
if [ -z "${https_proxy:-}${HTTPS_PROXY:-}${all_proxy:-}${ALL_PROXY:-}" ]; then
    while read -r host; do
        getent ahosts "$host" >/dev/null || missing+=("the network: the name $host cannot be resolved in a container")
    done < <(still_to_clone | while read -r url; do
        git ls-remote --get-url "$url" 2>/dev/null || echo "$url" # git's configuration may lead elsewhere (insteadOf)
    done | sed -nE 's|^https?://([^/@]*@)?([A-Za-z0-9.-]+).*|\2|p' | sort -u)
fi
# What an earlier build has left counts as free. Only where there is too little without is it counted, which takes
# seconds.
{ read -r _ && read -r _ _ _ free _; } < <(df -Pk "$work")
if ((free * 1024 < disk)); then
    read -r kept _ < <(du -sk "$work")
    (((free + kept) * 1024 >= disk)) ||
        missing+=("disk space: $((free * 1024 / 1000000)) MB are free, $((disk / 1000000)) MB are needed; \`docker system df\` shows what can go")
fi
if ((${#missing[@]} > 0)); then
    printf '==> missing: %s\n' "${missing[@]}"
    exit 1
fi

echo "==> fact compiler: $($compiler --version 2>/dev/null | head -n 1)"

# v8.sh wants `python`; its own fallback overwrites its tar wrapper, so it must not come to that.
if ! command -v python >/dev/null && command -v python3 >/dev/null; then
    ln -s "$(command -v python3)" "$scratch/bin/python"
    export PATH=$scratch/bin:$PATH
fi

# After a build that did not end: the module's scripts only ask whether a clone is there, not whether it is whole.
repair_clones() {
    local git_dir tree
    while IFS= read -rd '' git_dir; do
        tree=${git_dir%/.git}
        [ -d "$git_dir" ] || continue
        if ! git -C "$tree" rev-parse -q --verify 'HEAD^{commit}' >/dev/null 2>&1 || [ ! -e "$git_dir/index" ]; then
            echo "removing $tree, a clone that was cut off"
            rm -rf "$tree"
        elif [ -n "$(find "$git_dir" -name '*.lock' -print -quit)" ]; then
            echo "restoring $tree, a checkout that was cut off"
            find "$git_dir" -name '*.lock' -delete
            git -C "$tree" reset --quiet --hard || rm -rf "$tree"
        fi
    done < <(find "$work" -name .git -prune -print0)
}
if [ -e "$work/.unfinished" ] && command -v git >/dev/null; then repair_clones; fi
touch "$work/.unfinished"
# Some versions of the module's scripts copy what they have built there, and take it again if only a part of it is there.
rm -rf "$work/downloads"

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

give_up() { # CODE MESSAGE
    local kills
    kills=$(sed -n 's/^oom_kill //p' /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control 2>/dev/null || true)
    df -Pk "$work" "$scratch" 2>/dev/null | awk 'NR > 1 { print "==> free: " $4 " KiB in " $6 }' || true
    if [ -n "$kills" ]; then echo "==> oom kills: ${kills//$'\n'/ }"; fi
    echo "$2"
    exit "$1"
}

# Sets $code. As a job of its own, so that the whole of it can be stopped: the first process of a container gets no
# default action for SIGTERM, and bash runs a trap only between commands.
run_job() { # FUNCTION
    set -m
    "$1" </dev/null &
    job=$!
    set +m
    stopped=
    trap 'stopped=1; kill -TERM -- "-$job" 2>/dev/null || true' TERM INT
    code=0
    wait "$job" || code=$?
    while [ -n "$stopped" ] && kill -0 -- "-$job" 2>/dev/null; do
        sleep 0.1
    done
    trap - TERM INT
    [ -z "$stopped" ] || { echo "==> stopped" && exit 143; }
}

# git with its words kept for cannot_read.
quiet_git() { git "$@" 2>"$scratch/git"; }
cannot_read() { # URL
    cat "$scratch/git"
    give_up 1 "error: $1 cannot be read in a container: $(tail -n 1 "$scratch/git")"
}

# V8 with nothing but the wanted tag, and of that no history. The script's `git fetch --tags` would fetch all tags of
# V8, with their whole history where the clone is shallow and with all commits and trees where it is without blobs. So
# its origin is itself: that fetch finds nothing, and needs no network. gclient does not ask for the origin of a solution
# that it does not manage.
clone_v8() {
    local tree=$v8 code=0
    if ! has_v8_tag; then
        quiet_git ls-remote --exit-code "$v8_url" "refs/tags/$version" >/dev/null || code=$?
        case $code in
            0) ;;
            2) give_up 1 "error: V8 has no tag $version ($v8_url): give a version that V8 has released, with --runtime-version" ;;
            *) cannot_read "$v8_url" ;;
        esac
        if [ ! -e "$v8/.git" ]; then # under another name until it is whole
            tree=$v8.new
            rm -rf "$v8" "$tree"
            git -c init.defaultBranch=main init -q "$tree"
        fi
        quiet_git -C "$tree" fetch -q --depth=1 --no-tags "$v8_url" "+refs/tags/$version:refs/tags/$version" || cannot_read "$v8_url"
        if [ "$tree" != "$v8" ]; then
            git -C "$tree" checkout -q --detach "refs/tags/$version"
            mv "$tree" "$v8"
        fi
    fi
    git -C "$v8" config remote.origin.url "$v8"
    # What `fetch v8` writes.
    cat >"$libwee8/repos/.gclient" <<END
solutions = [
  {
    "name": "v8",
    "url": "$v8_url",
    "deps_file": "DEPS",
    "managed": False,
    "custom_deps": {},
  },
]
END
    echo "==> fact v8: $(git -C "$v8" rev-parse "refs/tags/$version^{commit}")"
}

fetch_depot_tools() {
    quiet_git -C "$depot_tools" fetch -q --force --tags "$depot_tools_url" '+refs/heads/*:refs/remotes/origin/*' || cannot_read "$depot_tools_url"
}

find_depot_tools() { # REF
    local name names=("refs/tags/$1" "refs/remotes/origin/$1")
    if [[ $1 =~ ^[0-9a-f]{7,40}$ ]]; then names=("$1"); fi
    for name in "${names[@]}"; do
        git -C "$depot_tools" rev-parse -q --verify "$name^{commit}" 2>/dev/null && return
    done
    return 1
}

# Sets $commit: what the user wants, else what V8's DEPS name at the tag, else the newest one when the tag was made.
choose_depot_tools() {
    local date wanted=$wanted_depot_tools main=refs/remotes/origin/HEAD
    if [ -z "$wanted" ]; then
        wanted=$(git -C "$v8" show "refs/tags/$version:DEPS" 2>/dev/null | tr -d '[:space:]' |
            grep -oE "/depot_tools(\.git)?['\"@+]+[0-9a-f]{40}" | head -n 1 | grep -oE '[0-9a-f]{40}$' || true)
    fi
    if [ -n "$wanted" ]; then
        # What a name stands for may have changed; a commit stays what it is.
        if [[ ! $wanted =~ ^[0-9a-f]{7,40}$ ]] || ! find_depot_tools "$wanted" >/dev/null; then fetch_depot_tools; fi
        commit=$(find_depot_tools "$wanted") || give_up 1 \
            "error: depot_tools has no branch, tag or commit $wanted ($depot_tools_url): give one that it has, with --depot-tools"
        return
    fi
    date=$(git -C "$v8" log -1 --format=%ct "refs/tags/$version^{commit}")
    if (($(git -C "$depot_tools" log -1 --format=%ct "$main") <= date)); then fetch_depot_tools; fi
    commit=$(git -C "$depot_tools" rev-list -1 --first-parent --min-age="$date" "$main")
    [ -n "$commit" ] || give_up 1 "error: depot_tools has no commit as old as V8 $version: give one with --depot-tools"
}

# With its updates off it does not fetch its own Python either. The exit code does not tell whether that went well.
bootstrap_depot_tools() {
    rm -f "$depot_tools/python3_bin_reldir.txt"
    (cd "$depot_tools" && PATH=$depot_tools:$PATH DEPOT_TOOLS_UPDATE=0 ./ensure_bootstrap) || return 1
    [ -e "$depot_tools/python3_bin_reldir.txt" ] || ! grep -qs python3_bin_reldir.txt "$depot_tools/python-bin/python3"
}

clone_depot_tools() {
    local commit
    if [ ! -e "$depot_tools/.git" ]; then
        rm -rf "$depot_tools" "$depot_tools.new"
        quiet_git clone -q "$depot_tools_url" "$depot_tools.new" || cannot_read "$depot_tools_url"
        mv "$depot_tools.new" "$depot_tools"
    fi
    choose_depot_tools
    # The script puts files of its own in there, which may be in the way.
    git -C "$depot_tools" checkout -q --force --detach "$commit"
    if [ -x "$depot_tools/ensure_bootstrap" ] && [ "$(cat "$depot_tools/.git/bootstrapped" 2>/dev/null)" != "$commit" ]; then
        bootstrap_depot_tools || give_up 1 \
            "error: depot_tools $commit cannot fetch what it runs with (ensure_bootstrap failed): see that a container reaches the network"
        echo "$commit" >"$depot_tools/.git/bootstrapped"
    fi
    echo "==> fact depot_tools: $commit"
}

clone_inputs() {
    mkdir -p "$libwee8/repos" "$libwee8/tools"
    clone_v8
    clone_depot_tools
}

if [ -n "$depot_tools_url" ]; then
    echo "==> cloning V8 and depot_tools"
    run_job clone_inputs
    ((code == 0)) || exit "$code"
    export DEPOT_TOOLS_UPDATE=0
fi

run_script() {
    cd /wasmx
    local limited=()
    # ninja knows no memory limit, but it counts the processors it may run on. Where the engine could not limit them:
    if ((processors > 0 && processors < $(nproc))); then limited=(taskset -c "$(allowed_processors "$processors")"); fi
    echo "==> fact processors: $("${limited[@]}" nproc)"
    exec "${limited[@]}" "$script" "$target" "$version" "$asset_arch" 9>&-
}

echo "==> running util/runtimes/$runtime.sh"
run_job run_script
((code == 0)) || give_up "$code" "util/runtimes/$runtime.sh failed (exit code $code)"
[ -d "$target" ] || give_up 1 "util/runtimes/$runtime.sh left no $target"
# The script clones gn where V8's own does not run, and there is no way to be before it.
if [ -e "$v8/gn/.git" ]; then echo "==> fact gn: $(git -C "$v8/gn" rev-parse HEAD)"; fi

echo "==> packaging"
# Reproducible: equal files give equal bytes, whoever builds and whenever.
cd "$scratch/target"
tar --sort=name --format=gnu --mtime="@$date" --owner=0 --group=0 --numeric-owner --mode='u+rwX,go+rX,go-w' \
    -cf - "$top_directory" | gzip -n >"/wasmx/dist/$package_name" || give_up 1 "the package cannot be written"
cd /wasmx/dist
sha256sum "$package_name" >"$package_name.sha256"
cat "$package_name.sha256"

try_package() {
    mkdir "$scratch/consumer"
    cd "$scratch/consumer"
    tar -xzf "/wasmx/dist/$package_name"
    printf '%s' "$consumer" >consumer.c
    "${CC:-cc}" "${consumer_flags[@]}" -I "$top_directory/include" consumer.c -o consumer -L "$top_directory/lib" \
        "${link_line[@]}" || give_up 1 "a program cannot be linked with the package"
    ./consumer || give_up 1 "a program that is linked with the package fails"
}
echo "==> trying the package"
if command -v "${CC:-cc}" >/dev/null; then
    try_package
else
    echo "not tried: the base image has no C compiler"
fi

rm -f "$work/.unfinished"
echo "==> done"
