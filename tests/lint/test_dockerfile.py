# SPDX-License-Identifier: Apache-2.0
"""The Dockerfile's check finds each fault that is planted for it, and leaves a good one alone."""
import tempfile
import unittest
from pathlib import Path

import check_dockerfile

GOOD = '''# a comment
ARG BASE=docker.io/library/alpine:3.24

FROM ${BASE} AS builder
WORKDIR /app
COPY scripts/install-deps scripts/
RUN scripts/install-deps --layer build
ARG EXTRA=none
# in between
RUN make ${EXTRA} \\
  # a comment amid the lines
  && strip adapter

FROM ${BASE} AS runtime
COPY --from=builder /app/adapter /usr/local/bin/adapter
ARG VERSION=1.2.3
LABEL org.opencontainers.image.title="a" org.opencontainers.image.description="b" \\
  org.opencontainers.image.version="${VERSION}" org.opencontainers.image.revision="r" \\
  org.opencontainers.image.source="" org.opencontainers.image.licenses="Apache-2.0"
VOLUME ["/data"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s CMD ["adapter", "health"]
USER 1000:1000
ENTRYPOINT ["adapter"]
'''


class Faults(unittest.TestCase):
    PLANTED = [
        ('alpine:3.24', 'alpine:latest', 'name a version'),
        ('alpine:3.24', 'alpine', 'name a version'),
        ('alpine:3.24', 'alpine:edge', 'not a version'),
        ('FROM ${BASE} AS runtime', 'FROM debian AS runtime', 'name a version'),
        ('FROM ${BASE} AS runtime', 'FROM ${OTHER} AS runtime', 'no such ARG'),
        ('FROM ${BASE} AS runtime', 'FROM ${BASE}', 'no name'),
        ('--from=builder', '--from=build', 'no such stage'),
        ('COPY scripts/install-deps', 'ADD https://example.com/x', 'ADD unpacks'),
        ('WORKDIR /app', 'WORKDIR app', 'relative WORKDIR'),
        ('WORKDIR /app', 'MAINTAINER me', 'MAINTAINER'),
        ('ENTRYPOINT ["adapter"]', 'ENTRYPOINT adapter', 'exec form'),
        ('ENTRYPOINT ["adapter"]', '', 'has no ENTRYPOINT'),
        ('CMD ["adapter", "health"]', 'CMD adapter health', 'HEALTHCHECK: want'),
        ('HEALTHCHECK --interval=30s CMD ["adapter", "health"]', '', 'has no HEALTHCHECK'),
        ('VOLUME ["/data"]', 'VOLUME /data', 'exec form'),
        ('VOLUME ["/data"]', '', 'has no VOLUME'),
        ('STOPSIGNAL SIGTERM', '', 'has no STOPSIGNAL'),
        ('USER 1000:1000', '', 'has no USER'),
        ('USER 1000:1000', 'USER root', 'runs as root'),
        ('USER 1000:1000', 'USER 0:0', 'runs as root'),
        ('USER 1000:1000', 'USER 1000\nUSER root:root', 'runs as root'),
        ('USER 1000:1000', 'user 1000:1000', 'capitals'),
        ('&& strip', '&& sudo strip', 'sudo'),
        ('&& strip adapter', '&& apt-get update && apt-get install -y gcc', 'install-deps'),
        ('&& strip adapter', '&& apk add --no-cache git', 'install-deps'),
        ('--layer build', 'build', 'without --layer'),
        ('&& strip adapter', '&& wget https://example.com/x', 'nobody checks'),
        ('&& strip adapter', '| tee log', 'pipe'),
        ('&& strip adapter', '&& cd src', 'WORKDIR says it'),
        ('&& strip adapter', '&& chmod 777 /data', 'everybody'),
        ('&& strip adapter', '&& chmod -R o+w /data', 'everybody'),
        ('${EXTRA}', 'all', 'ARG EXTRA is not used'),
        ('VERSION=1.2.3', 'VERSION=1.2.4', 'in meson.build it is 1.2.3'),
        ('org.opencontainers.image.source=""', '', 'source is missing'),
        ('"Apache-2.0"', '"MIT"', 'the licence is Apache-2.0'),
        ('WORKDIR /app', 'ENV API_TOKEN=abc', 'secret'),
    ]

    def faults(self, source):
        return [why for _, why in check_dockerfile.findings(source, '1.2.3', 'Apache-2.0')]

    def test_each_is_found(self):
        for old, new, why in self.PLANTED:
            with self.subTest(new or 'without ' + old):
                self.assertIn(old, GOOD)
                found = self.faults(GOOD.replace(old, new, 1))
                self.assertTrue(any(why in text for text in found), found)

    def test_a_good_one_is_left_alone(self):
        self.assertEqual(self.faults(GOOD), [])
        self.assertEqual(self.faults(GOOD.replace('alpine:3.24', 'debian:bookworm-slim')), [])
        self.assertEqual(self.faults(GOOD.replace('&& strip adapter', '|| true')), [])

    def test_an_empty_one_is_not_good(self):
        self.assertEqual(self.faults('# nothing\n'), ['there is no FROM'])

    def test_the_line_is_named(self):
        found = check_dockerfile.findings(GOOD.replace('WORKDIR /app', 'WORKDIR app'), '1.2.3', 'Apache-2.0')
        self.assertEqual([line for line, _ in found], [5])


class Context(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.root = Path(self._folder.name)
        for name in ('scripts/install-deps', 'src/a.cpp'):
            (self.root / name).parent.mkdir(exist_ok=True)
            (self.root / name).write_text('')

    def faults(self, source, ignored):
        return [why for _, why in check_dockerfile.context_findings(self.root, source, ignored)]

    def test_what_is_copied_must_be_there_and_allowed(self):
        allowed = '# all out\n*\n!src\n!scripts/install-deps\n**/*.pyc\n'
        self.assertEqual(self.faults(GOOD + 'COPY src/a.cpp src/\n', allowed), [])
        self.assertIn('no such file', self.faults(GOOD + 'COPY gone x\n', allowed)[0])
        self.assertIn('leaves it out', self.faults(GOOD, '*\n!src\n')[0])
        self.assertIn('leaving everything out', self.faults(GOOD, '!src\n!scripts/install-deps\n')[0])
        self.assertIn('!gone'[1:], self.faults(GOOD, allowed + '!gone\n')[0])


class Libraries(unittest.TestCase):
    BUILD = "dependency('spdlog', version: '>=1.10')\nif asio_version.version_compare('<1.22')\n"
    STEP = "cat <<'END'\nasio asio 1.22 asio.hpp\nspdlog spdlog 1.10\nEND\n"

    def test_versions_that_differ_are_found(self):
        self.assertEqual(check_dockerfile.library_findings(self.BUILD, self.STEP), [])
        self.assertTrue(check_dockerfile.library_findings(self.BUILD.replace('1.10', '1.11'), self.STEP))
        self.assertTrue(check_dockerfile.library_findings(self.BUILD.replace('1.22', '1.24'), self.STEP))
        self.assertTrue(check_dockerfile.library_findings(self.BUILD, self.STEP.replace('spdlog 1.10', 'fmt 1.10')))
        self.assertTrue(check_dockerfile.library_findings(self.BUILD, 'no list'))


if __name__ == '__main__':
    unittest.main()
