# SPDX-License-Identifier: Apache-2.0
"""`git http-backend` as a function: a request in, an answer out as it comes."""

import functools
import os
import subprocess
import tempfile

_HEAD_LIMIT = 64 * 1024
_PIPE_BYTES = 32 * 1024


@functools.lru_cache(maxsize=1)
def _program():
    done = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, timeout=20, check=True)
    return os.path.join(done.stdout.strip(), "git-http-backend")


def git_environment():
    """What git sees in this suite: no settings of the machine or the user, one author, times that do not move."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment.update(
        GIT_CONFIG_NOSYSTEM="1",
        GIT_CONFIG_GLOBAL=os.devnull,
        GIT_TERMINAL_PROMPT="0",
        GIT_AUTHOR_NAME="A. Author",
        GIT_AUTHOR_EMAIL="author@example.com",
        GIT_COMMITTER_NAME="A. Author",
        GIT_COMMITTER_EMAIL="author@example.com",
        HOME="/nonexistent",
        LC_ALL="C",
        GIT_CONFIG_COUNT="3",
        GIT_CONFIG_KEY_0="safe.directory",
        GIT_CONFIG_VALUE_0="*",
        GIT_CONFIG_KEY_1="gc.auto",
        GIT_CONFIG_VALUE_1="0",
        GIT_CONFIG_KEY_2="init.defaultBranch",
        GIT_CONFIG_VALUE_2="main",
    )
    return environment


class BackendAnswer:
    """The answer of one run; close() always."""

    def __init__(self, process, source):
        self._process = process
        self._source = source
        self._rest = b""
        self.status = 200
        self.reason = "OK"
        self.headers = []
        self.length = None  # payload bytes when the whole answer is here already
        self._read_head()

    def _read_head(self):
        data = b""
        while b"\r\n\r\n" not in data and len(data) < _HEAD_LIMIT:
            part = os.read(self._process.stdout.fileno(), 65536)
            if not part:
                break
            data += part
        head, separator, rest = data.partition(b"\r\n\r\n")
        if not separator:
            self.status, self.reason, self.headers, self.length = 500, "Backend failed", [], 0
            return
        for line in head.decode("latin-1").split("\r\n"):
            name, _, value = line.partition(": ")
            if name.lower() == "status":
                code, _, self.reason = value.partition(" ")
                self.status = int(code)
            elif name.lower() != "content-length":
                self.headers.append([name, value])
        ended = False
        while len(rest) < _PIPE_BYTES and not ended:
            part = os.read(self._process.stdout.fileno(), 65536)
            ended = not part
            rest += part
        self._rest = rest
        if ended:
            self.length = len(rest)

    def parts(self):
        if self._rest:
            yield self._rest
        while self.length is None:
            part = os.read(self._process.stdout.fileno(), 65536)
            if not part:
                return
            yield part

    def close(self):
        self._process.stdout.close()
        if self._source is not None:
            self._source.close()
        if self._process.poll() is None:
            try:
                self._process.wait(0.5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def run_backend(root, method, path, query, headers, body, with_protocol=True):
    """`headers`: the request's, names in lower case. `path` begins with a slash."""
    environment = git_environment()
    environment.update(
        GIT_PROJECT_ROOT=root,
        GIT_HTTP_EXPORT_ALL="1",
        REQUEST_METHOD=method,
        PATH_INFO=path,
        QUERY_STRING=query,
        REMOTE_ADDR="127.0.0.1",
        SERVER_PROTOCOL="HTTP/1.1",
        CONTENT_TYPE=headers.get("content-type", ""),
    )
    if method == "POST":
        environment["CONTENT_LENGTH"] = str(len(body))
    if headers.get("content-encoding"):
        environment["HTTP_CONTENT_ENCODING"] = headers["content-encoding"]
    if with_protocol and headers.get("git-protocol"):
        environment["GIT_PROTOCOL"] = headers["git-protocol"]
    source = None
    if body and len(body) > _PIPE_BYTES:
        source = tempfile.TemporaryFile()
        source.write(body)
        source.seek(0)
    process = subprocess.Popen(
        [_program()],
        stdin=source if source is not None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    if source is None:
        try:
            process.stdin.write(body)
            process.stdin.close()
        except BrokenPipeError:
            pass
    return BackendAnswer(process, source)
