"""Reads two messages, loses its connection, and catches up. Standard library only."""
import json
import sys
import urllib.request

origin = sys.argv[1]


def login(user):
    request = urllib.request.Request(f"{origin}/login/{user}", method="POST")
    return urllib.request.urlopen(request).headers["Set-Cookie"].split(";")[0]


def broadcast(text):
    headers = {"Cookie": admin, "Content-Type": "application/json"}
    body = json.dumps({"data": text}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{origin}/hub/broadcast", body, headers)).read()


class Client:
    def __init__(self, user):
        self.headers = {"Cookie": login(user)}

    def connect(self):
        request = urllib.request.Request(f"{origin}/hub/connect", headers=self.headers)
        self.response = urllib.request.urlopen(request)
        self.headers["X-Client-ID"] = self.response.headers["X-Client-ID"]
        assert self.frame()["event"] == "connected"

    def frame(self):
        fields = {}
        while True:
            line = self.response.readline().decode().rstrip("\n")
            if line == "":
                if "id" in fields:
                    self.headers["Last-Event-ID"] = fields["id"]
                if "data" in fields:
                    return fields
                continue
            name, _, value = line.partition(": ")
            fields[name] = value


admin = login("admin")
client = Client("eve")
client.connect()
broadcast("one")
assert json.loads(client.frame()["data"]) == "one"
client.response.close()
for text in ("two", "three"):
    broadcast(text)
client.connect()
assert [json.loads(client.frame()["data"]) for _ in range(2)] == ["two", "three"]
print("python: two missed messages, in order and once")
