#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy on loopback that does harm at an exact byte: it resets, stalls, ends, or turns a bit.

It sees TLS records, so byte n of a connection may lie in the hand-shake as well as in an answer.
"""

import socket
import struct
import threading
from dataclasses import dataclass

ACTS = ("reset", "stall", "end", "flip")


@dataclass
class Harm:
    """What happens to the first `connections` connections from now on."""

    act: str  # one of ACTS
    at: int  # byte of the direction, from 0; for "flip" the bit
    direction: str = "down"  # "down": what the server sends; "up": what the client sends
    connections: int = 1
    stall_seconds: float = 1.0  # a stalled connection is reset after this long
    done: int = 0  # how often the byte was reached


class ChaosProxy:
    """Forwards 127.0.0.1:port to `target` (host, port)."""

    def __init__(self, target):
        self._target = target
        self._lock = threading.Lock()
        self._harm = None
        self._open = set()
        self._ending = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.down_bytes = []  # per connection, what the server sent
        self.up_bytes = []

    def start(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self):
        self._ending.set()
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def harm(self, harm):
        with self._lock:
            self._harm = harm

    def _accept(self):
        while not self._ending.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connection, args=(client,), daemon=True).start()

    def _connection(self, client):
        try:
            server = socket.create_connection(self._target, timeout=10)
        except OSError:
            client.close()
            return
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            each.settimeout(None)
        with self._lock:
            harm = self._harm
            if harm is not None and harm.connections > 0:
                harm.connections -= 1
            else:
                harm = None
            self._open |= {client, server}
            number = len(self.down_bytes)
            self.down_bytes.append(0)
            self.up_bytes.append(0)
        cut = threading.Event()
        up_harm = harm if harm is not None and harm.direction == "up" else None
        down_harm = harm if harm is not None and harm.direction == "down" else None
        up = threading.Thread(
            target=self._pump, args=(client, server, up_harm, self.up_bytes, number, cut), daemon=True
        )  # fmt: skip
        up.start()
        self._pump(server, client, down_harm, self.down_bytes, number, cut)
        up.join()
        with self._lock:
            self._open -= {client, server}
        for each in (client, server):
            try:
                each.close()
            except OSError:
                pass

    def _pump(self, source, target, harm, counts, number, cut):
        passed = 0
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                if harm is not None and harm.act == "flip":
                    data = self._flip(data, passed, harm)
                elif harm is not None and passed + len(data) > harm.at:
                    target.sendall(data[: harm.at - passed])
                    harm.done += 1
                    self._cut(source, target, harm, cut)
                    return
                target.sendall(data)
                passed += len(data)
                counts[number] = passed
        except OSError:
            pass
        if cut.is_set():
            return
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    @staticmethod
    def _flip(data, passed, harm):
        place = harm.at // 8 - passed
        if not 0 <= place < len(data):
            return data
        harm.done += 1
        changed = bytearray(data)
        changed[place] ^= 1 << (harm.at % 8)
        return bytes(changed)

    def _cut(self, source, target, harm, cut):
        if harm.act == "stall":
            self._ending.wait(harm.stall_seconds)
        cut.set()
        for each in (target, source):
            try:
                if harm.act != "end":
                    # No lingering: the close that follows sends RST instead of FIN.
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # Wakes the other direction's thread.
                each.shutdown(socket.SHUT_RDWR if harm.act == "end" else socket.SHUT_RD)
            except OSError:
                pass
