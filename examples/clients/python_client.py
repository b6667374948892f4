#!/usr/bin/env python3
"""Follows a task to its end and prints one line per event: seq, name, data, separated by tabs.

    python3 python_client.py http://localhost:3000/report

Needs nothing but the standard library (Python 3.8 or newer).

It keeps one thing, the id of the last event that it has handled. When a connection breaks, ends without a terminal
event or is silent for 45 s (three heartbeats), it comes back with that id in `Last-Event-ID`, and the server goes on
behind it: nothing is lost, nothing comes twice. Until the first id is there, the start is repeated under one
`Idempotency-Key`, so that it is one task. Before each attempt it waits: as long as `Retry-After` says, else a random
time up to the last `retry:` of the server, doubled with each attempt in a row that brought nothing, 30 s at most.

Exit codes: 0 the task completed (or had been seen to its end before), 1 it failed or was cancelled, 2 refused.
"""

import http.client
import json
import random
import sys
import time
import urllib.error
import urllib.request
import uuid

SILENCE_S = 45
MAX_WAIT_S = 30
TERMINAL = ("complete", "failed", "cancelled")


def frames(response):
    """The frames of one response as dicts of fields; what the connection cut in two is left out."""
    frame = {}
    for line in response:
        if not line.endswith(b"\n"):
            return
        text = line.decode("utf-8").rstrip("\r\n")
        if text == "":
            yield frame
            frame = {}
        elif not text.startswith(":"):
            field, _, value = text.partition(":")
            value = value[1:] if value.startswith(" ") else value
            frame[field] = frame["data"] + "\n" + value if field == "data" and "data" in frame else value


def follow(url):
    """Yields (seq, event, data) up to the terminal event; progress has the event name 'message'."""
    last_id, position = None, 0
    once, retry_s, failures = str(uuid.uuid4()), 2.0, 0
    while True:
        resume = {"Last-Event-ID": last_id} if last_id else {"Idempotency-Key": once}
        request = urllib.request.Request(url, headers={"Accept": "text/event-stream", **resume})
        least_s = 0.0
        try:
            with urllib.request.urlopen(request, timeout=SILENCE_S) as response:
                if response.status == 204:
                    return
                for frame in frames(response):
                    if frame.get("retry", "").isdigit():
                        retry_s = int(frame["retry"]) / 1000
                    if "data" not in frame or "." not in frame.get("id", ""):
                        continue
                    failures = 0
                    event, seq = frame.get("event", "message"), int(frame["id"].split(".")[1])
                    if event == "task":
                        last_id = last_id or frame["id"]
                        continue
                    # A gap may lead back, and a snapshot stands for what was seen; everything else comes once.
                    if event not in ("gap", "snapshot") and seq <= position:
                        continue
                    yield seq, event, json.loads(frame["data"])
                    last_id, position = frame["id"], seq
                    if event in TERMINAL:
                        return
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                raise
            after = error.headers.get("Retry-After", "")
            least_s = float(after) if after.isdigit() else 0.0
        except (OSError, http.client.HTTPException):
            pass  # cut, refused or silent: come back
        time.sleep(max(least_s, random.random() * max(retry_s, min(retry_s * 2**failures, MAX_WAIT_S))))
        failures += 1


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    event = "complete"
    try:
        for seq, event, data in follow(sys.argv[1]):
            print(seq, event, json.dumps(data, separators=(",", ":")), sep="\t", flush=True)
    except urllib.error.HTTPError as error:
        print(error, error.read().decode("utf-8", "replace"), file=sys.stderr)
        sys.exit(2)
    sys.exit(0 if event == "complete" else 1)


if __name__ == "__main__":
    main()
