# SPDX-License-Identifier: Apache-2.0
"""Chromium without a window, driven over a pipe by the DevTools protocol: as much of both as the tests need."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_ANSWER_SECONDS = 60
# The browser reads its commands from descriptor 3 and writes to 4.
_START = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execvp(sys.argv[3], sys.argv[3:])"


def find_browser():
    """$CHROMIUM, else the first of the usual names; None without one."""
    named = os.environ.get("CHROMIUM")
    return named or next((found for found in map(shutil.which, _NAMES) if found), None)


class BrowserError(Exception):
    pass


class Browser:
    """One process. Pages are opened with page(); close() ends it."""

    def __init__(self):
        self._profile = tempfile.mkdtemp(prefix="adapter-chromium-")
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        read_end, write_end = (self._high(end) for end in (to_read, to_write))
        line = [sys.executable, "-c", _START, str(read_end), str(write_end)]
        line += [
            find_browser() or _NAMES[0], "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
            "--user-data-dir=" + self._profile, "--no-first-run", "--disable-extensions", "--disable-background-networking",
            "--disable-component-update", "--disable-dev-shm-usage", "--hide-scrollbars", "--mute-audio", "--no-proxy-server",
            "--disable-features=Translate,MediaRouter,OptimizationHints", "about:blank",
        ]  # fmt: skip
        self._log = open(os.path.join(self._profile, "stderr"), "wb")
        self._process = subprocess.Popen(
            line, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, pass_fds=(read_end, write_end)
        )  # fmt: skip
        os.close(read_end)
        os.close(write_end)
        self._condition = threading.Condition()
        self._answers = {}
        self._number = 0
        self._pages = {}
        self._ended = False
        threading.Thread(target=self._read, daemon=True).start()

    @staticmethod
    def _high(descriptor):
        """The same end of a pipe under a number that is neither 3 nor 4."""
        moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
        os.close(descriptor)
        return moved

    def _read(self):
        rest = b""
        while True:
            try:
                data = os.read(self._from, 1 << 16)
            except OSError:
                data = b""
            if not data:
                break
            *messages, rest = (rest + data).split(b"\0")
            for text in messages:
                self._take(json.loads(text))
        with self._condition:
            self._ended = True
            self._condition.notify_all()

    def _take(self, message):
        with self._condition:
            if "id" in message:
                self._answers[message["id"]] = message
            page = self._pages.get(message.get("sessionId"))
            self._condition.notify_all()
        if page is not None and "method" in message:
            page.on_event(message["method"], message.get("params", {}))

    def post(self, method, session=None, **params):
        """Sends a command without waiting for its answer; its number."""
        with self._condition:
            self._number += 1
            number = self._number
            message = {"id": number, "method": method, "params": params}
            if session:
                message["sessionId"] = session
            data = json.dumps(message).encode() + b"\0"
            while data:
                data = data[os.write(self._to, data) :]
        return number

    def call(self, method, session=None, **params):
        number = self.post(method, session, **params)
        deadline = time.monotonic() + _ANSWER_SECONDS
        with self._condition:
            while number not in self._answers:
                if self._ended or time.monotonic() > deadline:
                    raise BrowserError("no answer to %s\n%s" % (method, self.log()))
                self._condition.wait(0.5)
            answer = self._answers.pop(number)
        if "error" in answer:
            raise BrowserError("%s: %s" % (method, answer["error"].get("message")))
        return answer["result"]

    def log(self):
        with open(self._log.name, encoding="utf-8", errors="replace") as source:
            return source.read()[-2000:]

    def page(self, **arguments):
        """A new page in a context of its own, so that no credential is remembered from another."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session, target, context, **arguments)
        with self._condition:
            self._pages[session] = page
        page.prepare()
        return page

    def close(self):
        try:
            self.post("Browser.close")
            self._process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        self._log.close()
        shutil.rmtree(self._profile, ignore_errors=True)


class Page:
    """A tab. What the console says, what fails and what is thrown is in `complaints`. `probe` is a script that runs in each
    document before its own; `password` answers the first challenge of each request."""

    def __init__(self, browser, session, target, context, size=(1280, 900), dark=False, password=None, probe=""):
        self.browser = browser
        self.complaints = []
        self.requests = []
        self._session = session
        self._target = target
        self._context = context
        self._size = size
        self._dark = dark
        self._password = password
        self._challenged = set()
        self._probe = probe

    def call(self, method, **params):
        return self.browser.call(method, self._session, **params)

    def prepare(self):
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.resize(*self._size)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if self._dark else "light"}
        ])  # fmt: skip
        if self._probe:
            self.call("Page.addScriptToEvaluateOnNewDocument", source=self._probe)
        if self._password is not None:
            self.call("Fetch.enable", handleAuthRequests=True)

    def on_event(self, method, params):
        """On the reading thread: nothing here may wait for an answer."""
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details.get("text", ""))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append("console.%s: %s" % (params["type"], params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append("%s %s" % (params["entry"]["text"], params["entry"].get("url", "")))
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Fetch.requestPaused":
            self.browser.post("Fetch.continueRequest", self._session, requestId=params["requestId"])
        elif method == "Fetch.authRequired":
            answer = {"response": "CancelAuth"}
            if params["requestId"] not in self._challenged:
                self._challenged.add(params["requestId"])
                answer = {"response": "ProvideCredentials", "username": "any", "password": self._password}
            self.browser.post(
                "Fetch.continueWithAuth", self._session, requestId=params["requestId"], authChallengeResponse=answer
            )  # fmt: skip

    def resize(self, width, height):
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 640
        )  # fmt: skip

    def open(self, url):
        self.call("Page.navigate", url=url)

    def run(self, expression):
        """The value of an expression (a promise: what it becomes) in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details.get("text"))
        return answer["result"].get("value")

    def wait(self, expression, seconds=15, what=None):
        """Until the expression is true in the page; its value."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                value = self.run(expression)
            except BrowserError:
                # While it navigates there is nothing to ask.
                value = None
            if value:
                return value
            if time.monotonic() > deadline:
                body = self.run("document.body ? document.body.innerText : ''")
                raise AssertionError("not within %s s: %s\n%s\n%s" % (seconds, what or expression, self.complaints, body[:1500]))
            time.sleep(0.05)

    def click(self, selector):
        """Presses the middle of an element, as a pointer does."""
        at = self.run(
            "(() => { const element = document.querySelector(%s); element.scrollIntoView({block: 'center'});"
            " const box = element.getBoundingClientRect(); return {x: box.x + box.width / 2, y: box.y + box.height / 2}; })()"
            % json.dumps(selector)
        )  # fmt: skip
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def key(self, name, code=0, text=""):
        """Presses and releases a key, as a keyboard does."""
        common = {"key": name, "code": name, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def tab(self):
        self.key("Tab", 9)

    def enter(self):
        self.key("Enter", 13, "\r")

    def screenshot(self, path, full=False):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=full)["data"]
        with open(path, "wb") as out:
            out.write(base64.b64decode(data))

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self._target)
        self.browser.call("Target.disposeBrowserContext", browserContextId=self._context)
