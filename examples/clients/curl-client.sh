#!/bin/sh
# Follows a task to its end with one curl per connection, and prints one line per event: seq, name, data, separated by
# tabs.
#
#     sh curl-client.sh http://localhost:3000/report
#
# Needs a POSIX shell, awk and curl 7.67 or newer. It keeps one thing, the id of the last event that was printed whole,
# in a file that is gone when it ends. When a connection breaks, ends without a terminal event or is silent for 45 s, it
# comes back with that id in `Last-Event-ID`; until the first id is there, it repeats the start under one
# `Idempotency-Key`, so that it is one task. Between attempts it waits a random part of 1 s (or MAX_FIRST_WAIT_S), doubled
# with each attempt in a row that brought nothing, 30 s at most.
#
# Exit codes: 0 the task completed (or had been seen to its end before), 1 it failed or was cancelled, 2 refused.
set -u
url=${1:?usage: curl-client.sh URL}
first_wait=${MAX_FIRST_WAIT_S:-1}
state=$(mktemp) && status=$(mktemp) || exit 2
trap 'rm -f "$state" "$status"' EXIT
trap 'exit 130' INT TERM
once=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
failures=0

while :; do
  read -r id end <"$state" || { id='' end=''; }
  before=$id
  if [ -n "$id" ]; then resume="Last-Event-ID: $id"; else resume="Idempotency-Key: $once"; fi

  # The speed limit ends a connection that is silent. What is no stream (a refusal) goes to stderr with its status.
  curl --no-buffer --silent --fail --speed-limit 1 --speed-time 45 --write-out '%{stderr}%{http_code}\n' \
    --header 'Accept: text/event-stream' --header "$resume" "$url" 2>"$status" |
    awk -v state="$state" -v id="$id" '
      BEGIN { split(id, parts, "."); position = parts[2] + 0 }
      function keep(end) { print last, end >state; close(state) }
      /^:/ { next }
      /^event: / { event = substr($0, 8) }
      /^data: / { data = substr($0, 7) }
      /^id: / { last = substr($0, 5) }
      /^\r?$/ {                          # only a whole frame counts
        split(last, parts, "."); seq = parts[2] + 0
        if (event == "") event = "message"
        if (data != "" && event == "task") keep("")
        else if (data != "" && (seq > position || event == "gap" || event == "snapshot")) {
          printf "%d\t%s\t%s\n", seq, event, data; fflush()
          position = seq
          keep(event == "complete" || event == "failed" || event == "cancelled" ? event : "")
        }
        event = data = ""
      }'

  read -r id end <"$state" || { id='' end=''; }
  case $end in
    complete) exit 0 ;;
    failed | cancelled) exit 1 ;;
  esac
  code=$(tail -n 1 "$status")
  case $code in
    204) exit 0 ;;
    429) ;;
    4??) printf 'refused: %s\n' "$code" >&2; exit 2 ;;
  esac
  if [ "$id" = "$before" ]; then failures=$((failures + 1)); else failures=0; fi
  sleep "$(awk -v first="$first_wait" -v n="$failures" -v seed="$(od -An -N4 -tu4 /dev/urandom)" 'BEGIN {
    srand(seed); most = first * 2 ^ n; print rand() * (most < 30 ? most : 30) }')"
done
