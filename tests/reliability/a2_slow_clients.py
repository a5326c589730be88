#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A2: two thousand clients that send their requests a byte at a time, or read their answers so, and come back when they are thrown out.

Meanwhile health must be answered quickly, always, and honest requests too; afterwards descriptors and threads are what they were.
"""

import multiprocessing
import os
import resource
import select
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402

CLIENTS = 2000
SECONDS = 8
SLOWEST = 1.0  # of an answer of /healthz
MANNERS = ("head", "body", "idle", "reader")
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Crowd(multiprocessing.Process):
    """Slow clients of one manner, in a process of their own, so that they slow nobody here."""

    def __init__(self, port, manner, count):
        super().__init__(daemon=True)
        self.port = port
        self.manner = manner
        self.count = count
        self.ending = multiprocessing.Event()
        self.again = multiprocessing.Value("i", 0)

    def text(self):
        if self.manner == "body":
            return b"POST /hooks/docs HTTP/1.1\r\nHost: localhost\r\nX-Hub-Signature-256: sha256=%s\r\nContent-Length: 1000000\r\n\r\n" % (b"0" * 64)
        if self.manner == "reader":
            return b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50
        return b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 1000

    def connect(self):
        client = socket.socket()
        client.setblocking(False)
        if self.manner == "reader":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.connect_ex(("127.0.0.1", self.port))
        return client

    def run(self):
        text = self.text()
        at_once = len(text) if self.manner in ("body", "reader") else 0
        clients = {}
        while not self.ending.is_set():
            began = time.monotonic()
            while len(clients) < self.count:
                client = self.connect()
                clients[client] = 0
            poll = select.poll()
            by_fd = {client.fileno(): client for client in clients}
            for fd in by_fd:
                poll.register(fd, select.POLLOUT | select.POLLHUP | select.POLLERR)
            for fd, what in poll.poll(200):
                client = by_fd[fd]
                try:
                    if what & (select.POLLHUP | select.POLLERR):
                        raise OSError("thrown out")
                    sent = clients[client]
                    part = text[sent : sent + 1] if sent >= at_once else text[sent:at_once]
                    if self.manner == "body" and sent >= at_once:
                        part = b"x"
                    if self.manner != "idle" and part:
                        clients[client] += client.send(part)
                except OSError:
                    client.close()
                    del clients[client]
                    self.again.value += 1
            time.sleep(max(0.0, 0.3 - (time.monotonic() - began)))
        for client in clients:
            client.close()


def ask(port, request=HEALTH, seconds=10):
    """(status, seconds it took)"""
    began = time.monotonic()
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
            client.sendall(request)
            while True:
                part = client.recv(65536)
                if not part:
                    break
                answer += part
    except OSError:
        pass
    status = answer[9:12]
    return int(status) if status.isdigit() else 0, time.monotonic() - began


def besieged(port, clients, seconds):
    """What is wrong with health and the API while slow clients are there."""
    crowds = [Crowd(port, manner, clients // len(MANNERS)) for manner in MANNERS]
    for crowd in crowds:
        crowd.start()
    problems, slowest, asked = [], 0.0, 0
    deadline = time.monotonic() + seconds
    time.sleep(1)
    while time.monotonic() < deadline:
        status, took = ask(port)
        asked += 1
        slowest = max(slowest, took)
        if status != 200 or took > SLOWEST:
            problems.append("/healthz answered %s after %.2f s" % (status, took))
            if len(problems) > 5:
                break
        time.sleep(0.05)
    for crowd in crowds:
        crowd.ending.set()
    for crowd in crowds:
        crowd.join()
    if asked < 3:
        problems.append("health was asked %d times only" % asked)
    print("A2: health was asked %d times, slowest answer %.3f s; %d came back" % (asked, slowest, sum(crowd.again.value for crowd in crowds)))
    return problems


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def threads(pid):
    return len(os.listdir("/proc/%d/task" % pid))


class Few:
    """A server of two threads, each with one client at a time: what a pool without a reserve is."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.listener.getsockname()[1]
        for _ in range(2):
            threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            with client, client.makefile("rb") as source:
                try:
                    client.settimeout(5)
                    while source.readline() not in (b"", b"\r\n"):
                        pass
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                except OSError:
                    pass


class SlowClients(rig.Row):
    """Slow clients of the admin port."""

    name = "A2"
    title = "%d slow clients of the admin port" % CLIENTS
    quick = 1
    long = 5
    jobs = 1

    def trial(self, number, source, folder):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
        try:
            return self.siege(folder)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def siege(self, folder):
        remote = self.remote("a2.git", {"f": "x"})
        secret = os.path.join(self.folder, "secret")
        with open(secret, "w", encoding="ascii") as out:
            out.write("hook secret")
        adapter = self.adapter(folder, self.entry(remote, webhook={"secret_file": secret}), admin={"listen": "127.0.0.1:0"})
        adapter.start()
        adapter.wait_published("docs", remote.resolve("main"))
        port = int(adapter.admin.rsplit(":", 1)[1])
        ask(port)
        before = descriptors(adapter.process.pid)
        problems = besieged(port, CLIENTS, SECONDS)
        commit = remote.commit({"g": "y"})
        adapter.wait_published("docs", commit)
        deadline = time.monotonic() + 15
        while descriptors(adapter.process.pid) > before + 8 and time.monotonic() < deadline:
            time.sleep(0.2)
        if descriptors(adapter.process.pid) > before + 8:
            problems.append("%d descriptors before, %d after" % (before, descriptors(adapter.process.pid)))
        if threads(adapter.process.pid) > 90:
            problems.append("%d threads" % threads(adapter.process.pid))
        status, took = ask(port, b"GET /api/v1/repositories HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        if status != 200 or took > 2:
            problems.append("afterwards the API answers %s after %.1f s" % (status, took))
        began = time.monotonic()
        adapter.stop()
        if time.monotonic() - began > 3:
            problems.append("the stop took %.1f s" % (time.monotonic() - began))
        return problems

    def planted(self, folder):
        return besieged(Few().port, 40, 6)


if __name__ == "__main__":
    rig.main(SlowClients)
