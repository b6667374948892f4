#!/usr/bin/env bash
# Runs the Redis suites on another server that speaks its protocol: scripts/test-on-server.sh NAME [PATH…], where NAME is
# valkey or redict. The server comes from Debian's backports and stays in a temporary folder; nothing is installed.
set -euo pipefail
cd "$(dirname "$0")/.."

name=${1:?Usage: scripts/test-on-server.sh valkey|redict [PATH…]}
shift
suites=("$@")
[ "${#suites[@]}" -gt 0 ] || suites=(__tests__/redis)

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial" "$folder/root"
release=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
mirror=$(apt-cache policy | grep -om1 'https\?://[^ ]*/debian ' | tr -d ' ')
printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s-backports main\n' "$mirror" "$release" >"$folder/sources.list"
options=(-o "Dir::Etc::sourcelist=$folder/sources.list" -o Dir::Etc::sourceparts=/dev/null
  -o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder/cache" -o APT::Sandbox::User=root)
apt-get "${options[@]}" -qq update

# The server, and those libraries that the release itself does not have.
libraries=$(apt-cache "${options[@]}" depends "$name-tools" | sed -n 's/.*Depends: \(lib[^ <]*\)$/\1/p')
for package in "$name-server" "$name-tools" $libraries; do
  (cd "$folder" && apt-get "${options[@]}" -qq download "$package" 2>/dev/null) || true
done
for package in "$folder"/*.deb; do dpkg -x "$package" "$folder/root"; done

# Debian gives several programs one file, which looks at the name that it is called by.
REDIS_SERVER="$folder/root/usr/bin/$name-server"
LD_LIBRARY_PATH=$(dirname "$(find "$folder/root" -name '*.so.*' -print -quit)"):${LD_LIBRARY_PATH:-}
export REDIS_SERVER LD_LIBRARY_PATH
"$REDIS_SERVER" --version
npx jest --selectProjects express5 -- "${suites[@]}"
