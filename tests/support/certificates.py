#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Throw-away certificates for the suite's servers, made with the openssl command: nothing here outlives a test run."""

import os
import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Leaf:
    certificate: str  # PEM path
    key: str  # PEM path


@dataclass(frozen=True)
class Certificates:
    """One good authority with its leaves, and each kind of bad one."""

    directory: str
    ca: str  # PEM path of the authority that signed all leaves but `unknown_ca`
    other_ca: str  # PEM path of another authority
    good: Leaf  # localhost, 127.0.0.1, ::1
    renewed: Leaf  # as good, with another key
    expired: Leaf
    not_yet: Leaf  # valid from tomorrow
    wrong_host: Leaf
    partial_wildcard: Leaf  # local*, l*.localhost: what careless matching would accept for localhost
    unknown_ca: Leaf  # good names, signed by other_ca

    def bundle(self, *authorities):
        """A file that holds several authorities."""
        path = os.path.join(self.directory, "bundle-%d.pem" % len(os.listdir(self.directory)))
        with open(path, "w", encoding="ascii") as out:
            for authority in authorities:
                with open(authority, encoding="ascii") as source:
                    out.write(source.read())
        return path


def _openssl(*arguments, text=None):
    done = subprocess.run(
        ["openssl", *arguments], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode != 0:
        raise RuntimeError("openssl %s: %s" % (" ".join(arguments), done.stderr))
    return done.stdout


def _authority(directory, name):
    certificate = os.path.join(directory, name + ".pem")
    key = os.path.join(directory, name + ".key")
    _openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
        "-subj", "/CN=adapter test authority %s" % name, "-keyout", key, "-out", certificate,
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
    )  # fmt: skip
    return certificate, key


def _leaf(directory, name, authority, names, dates=None):
    """`dates`: (start, end) as YYMMDDHHMMSSZ; `openssl ca` is the one command of OpenSSL 3.0 that takes them."""
    certificate = os.path.join(directory, name + ".pem")
    key = os.path.join(directory, name + ".key")
    request = os.path.join(directory, name + ".csr")
    extensions = os.path.join(directory, name + ".ext")
    _openssl(
        "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-subj", "/CN=%s" % name, "-keyout", key, "-out", request,
    )  # fmt: skip
    with open(extensions, "w", encoding="ascii") as out:
        out.write("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n")
        out.write("extendedKeyUsage=serverAuth\nsubjectAltName=%s\n" % ",".join(names))
    ca_certificate, ca_key = authority
    if dates is None:
        _openssl(
            "x509", "-req", "-in", request, "-CA", ca_certificate, "-CAkey", ca_key, "-CAcreateserial",
            "-days", "20", "-extfile", extensions, "-out", certificate,
        )  # fmt: skip
        return Leaf(certificate, key)
    database = os.path.join(directory, name + ".database")
    config = os.path.join(directory, name + ".cnf")
    with open(database, "w", encoding="ascii"):
        pass
    with open(config, "w", encoding="ascii") as out:
        out.write("[ca]\ndefault_ca=it\n[it]\ndatabase=%s\nnew_certs_dir=%s\n" % (database, directory))
        out.write("rand_serial=yes\ndefault_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n")
    _openssl(
        "ca", "-batch", "-config", config, "-cert", ca_certificate, "-keyfile", ca_key, "-in", request,
        "-extfile", extensions, "-startdate", dates[0], "-enddate", dates[1], "-out", certificate, "-notext",
    )  # fmt: skip
    return Leaf(certificate, key)


def make_certificates(directory):
    """Writes everything into `directory`, which is made."""
    os.makedirs(directory, exist_ok=True)
    authority = _authority(directory, "ca")
    other = _authority(directory, "other-ca")
    names = ["DNS:localhost", "IP:127.0.0.1", "IP:::1"]
    return Certificates(
        directory=directory,
        ca=authority[0],
        other_ca=other[0],
        good=_leaf(directory, "good", authority, names),
        renewed=_leaf(directory, "renewed", authority, names),
        expired=_leaf(directory, "expired", authority, names, ("200101000000Z", "200201000000Z")),
        not_yet=_leaf(directory, "not-yet", authority, names, ("450101000000Z", "460101000000Z")),
        wrong_host=_leaf(directory, "wrong-host", authority, ["DNS:elsewhere.example", "IP:192.0.2.1"]),
        partial_wildcard=_leaf(directory, "partial-wildcard", authority, ["DNS:local*", "DNS:l*.localhost"]),
        unknown_ca=_leaf(directory, "unknown-ca", other, names),
    )


if __name__ == "__main__":
    print(make_certificates(sys.argv[1]))
