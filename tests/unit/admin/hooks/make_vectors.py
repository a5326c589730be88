#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes webhook_vectors.json: deliveries as forges sign them, and what they mean, by an implementation of its own.

Signed with Python's hmac from each forge's documentation (the list is in src/admin/hooks/signature_claims.hpp).

    ./make_vectors.py > webhook_vectors.json
    ./make_vectors.py --check webhook_vectors.json
"""

import base64
import hashlib
import hmac
import json
import pathlib
import sys
from urllib.parse import urlencode

import forge_payloads as forge
from forge_payloads import NEW, OLD, TAG_OBJECT, ZERO

NOW = 1795435200  # 2026-11-23T12:00:00Z
SECRET = "It's a Secret to Everybody"
OTHER = "the one before it was rotated"
SIGNING = "whsec_" + base64.b64encode(bytes(range(32))).decode()
GUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"

SMALL = b'{"ref":"refs/heads/main"}'

VECTORS = []


def mac(secret, body):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def sha1(secret, body):
    return "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()


def standard(body, delivery=GUID, when=NOW, secret=SIGNING):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, b".".join([delivery.encode(), str(when).encode(), body]), hashlib.sha256).digest()
    return [["webhook-id", delivery], ["webhook-timestamp", str(when)],
            ["webhook-signature", "v1," + base64.b64encode(digest).decode()]]


def basic(user, password):
    return ["Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()]


def encode(payload):
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def form(body):
    return urlencode({"payload": body.decode()}).encode()


def change(ref, commit):
    return {"ref": ref, "commit": None if commit == ZERO else commit, "deleted": commit == ZERO}


def add(name, headers, body, verified=True, kind="", secrets=(OTHER, SECRET), **meaning):
    """`verified`: by the last of the secrets. Meaning: event, id, changes, repository; what is left out is not looked at."""
    VECTORS.append({"name": name, "kind": kind, "secrets": list(secrets), "now": NOW, "headers": headers, "body": body.decode(),
                    "verified": [len(secrets) - 1] if verified else [], **meaning})


# What each forge sends beside its signature, and its signature.

def github_headers(event, body, secret=SECRET):
    return [["User-Agent", "GitHub-Hookshot/044aadd"], ["Content-Type", "application/json"], ["X-GitHub-Delivery", GUID],
            ["X-GitHub-Event", event], ["X-GitHub-Hook-ID", "292430182"], ["X-Hub-Signature", sha1(secret, body)],
            ["X-Hub-Signature-256", "sha256=" + mac(secret, body)]]


def gitea_headers(event, signed, names=("Gitea", "Gogs")):
    headers = [["Content-Type", "application/json"]]
    for name in names:
        headers += [[f"X-{name}-Delivery", GUID], [f"X-{name}-Event", event], [f"X-{name}-Event-Type", event],
                    [f"X-{name}-Signature", mac(SECRET, signed)]]
    return headers + [["X-Hub-Signature", sha1(SECRET, signed)], ["X-Hub-Signature-256", "sha256=" + mac(SECRET, signed)],
                      ["X-GitHub-Delivery", GUID], ["X-GitHub-Event", event]]


def gogs_headers(event, signed):
    return [["Content-Type", "application/json"], ["X-Github-Delivery", GUID], ["X-Github-Event", event],
            ["X-Gogs-Delivery", GUID], ["X-Gogs-Signature", mac(SECRET, signed)], ["X-Gogs-Event", event]]


def gitlab_headers(event):
    return [["Content-Type", "application/json"], ["User-Agent", "GitLab/18.2.0"], ["Idempotency-Key", GUID],
            ["X-Gitlab-Event", event], ["X-Gitlab-Webhook-UUID", "4e8b3a1c-0000-4000-8000-000000000001"],
            ["X-Gitlab-Instance", "https://gitlab.example.com"], ["X-Gitlab-Event-UUID", "4e8b3a1c-0000-4000-8000-000000000002"]]


def cloud_headers(event, body):
    return [["User-Agent", "Bitbucket-Webhooks/2.0"], ["X-Event-Key", event], ["X-Hook-UUID", "0c1f6c1e"],
            ["X-Request-UUID", GUID], ["X-Attempt-Number", "1"], ["X-Hub-Signature", "sha256=" + mac(SECRET, body)],
            ["Content-Type", "application/json"]]


def data_center_headers(event, body):
    return [["X-Event-Key", event], ["X-Request-Id", GUID], ["X-Hub-Signature", "sha256=" + mac(SECRET, body)],
            ["Content-Type", "application/json; charset=utf-8"]]


# A push, a new tag, a deleted branch: (name, ref, before, after).
MOVES = [("push", "refs/heads/main", OLD, NEW), ("tag", "refs/tags/v1.0", ZERO, TAG_OBJECT),
         ("branch deleted", "refs/heads/old", OLD, ZERO)]


def github():
    for name, ref, before, after in MOVES:
        body = encode(forge.github(ref, before, after))
        meaning = {"event": "push", "id": GUID, "changes": [change(ref, after)],
                   "repository": "https://github.com/octo-org/hello-world.git"}
        add(f"github {name}", github_headers("push", body), body, kind="github", **meaning)
        add(f"github {name}, recognised", github_headers("push", body), body, **meaning)
        add(f"github {name}, as a form", github_headers("push", form(body)), form(body), **meaning)
    body = encode(forge.github_ping())
    add("github ping", github_headers("ping", body), body, event="ping", id=GUID, changes=[])
    body = encode(forge.github_create_tag())
    add("github create", github_headers("create", body), body, event="push",
        changes=[{"ref": "refs/tags/v1.0", "commit": None, "deleted": False}])
    body = encode({"action": "opened", "issue": {"number": 1}})
    add("github issue", github_headers("issues", body), body, event="other", changes=[])


def gitea_and_kin():
    families = {"gitea": ("Gitea", "Gogs"), "forgejo": ("Forgejo", "Gitea", "Gogs")}
    for name, ref, before, after in MOVES:
        meaning = {"event": "push", "id": GUID, "changes": [change(ref, after)]}
        for family, names in families.items():
            signed = encode(forge.gitea(ref, before, after))
            headers = gitea_headers("push", signed, names)
            where = "https://git.example.org:3000/gitea/webhooks"
            add(f"{family} {name}", headers, signed, kind=family, repository=where, **meaning)
            add(f"{family} {name}, recognised", headers, signed, repository=where, **meaning)
            add(f"{family} {name}, as a form", headers, form(signed), kind=family, repository=where, **meaning)
        signed = encode(forge.gitea(ref, before, after, host="git.example.org"))
        where = "https://git.example.org/gitea/webhooks.git"
        add(f"gogs {name}", gogs_headers("push", signed), signed, kind="gogs", repository=where, **meaning)
        add(f"gogs {name}, as a form", gogs_headers("push", signed), form(signed), repository=where, **meaning)


def gitlab():
    for name, ref, before, after in MOVES:
        body = encode(forge.gitlab(ref, before, after))
        headers = gitlab_headers("Tag Push Hook" if ref.startswith("refs/tags/") else "Push Hook")
        meaning = {"event": "push", "id": GUID, "changes": [change(ref, after)],
                   "repository": "https://GitLab.Example.com/mike/diaspora.git"}
        add(f"gitlab {name}, by token", headers + [["X-Gitlab-Token", SECRET]], body, kind="gitlab", **meaning)
        add(f"gitlab {name}, signed", headers + standard(body), body, secrets=(SECRET, SIGNING), kind="gitlab", **meaning)
        add(f"gitlab {name}, signed, recognised", headers + standard(body), body, secrets=(SIGNING,), **meaning)
    body = encode(forge.gitlab_repository_update())
    add("gitlab system hook", gitlab_headers("System Hook") + [["X-Gitlab-Token", SECRET]], body, event="push",
        changes=[change("refs/heads/main", NEW), change("refs/heads/old", ZERO)],
        repository="https://gitlab.example.com/mike/diaspora")
    body = encode(forge.gitlab_issue())
    for event in ("Issue Hook", "System Hook"):
        add(f"gitlab issue, {event}", gitlab_headers(event) + [["X-Gitlab-Token", SECRET]], body, event="other", changes=[])


def bitbucket():
    body = encode(forge.bitbucket_cloud([("branch", "main", OLD, NEW), ("tag", "v1.0", ZERO, NEW), ("branch", "old", OLD, ZERO)]))
    add("bitbucket cloud push", cloud_headers("repo:push", body), body, kind="bitbucket", event="push", id=GUID,
        changes=[change("refs/heads/main", NEW), change("refs/tags/v1.0", NEW), change("refs/heads/old", ZERO)],
        repository="https://bitbucket.org/team_name/repo_name.git")
    add("bitbucket cloud pull request", cloud_headers("pullrequest:created", body), body, event="other")
    for clone_links in (True, False):
        body = encode(forge.bitbucket_data_center([move[1:] for move in MOVES], clone_links))
        add(f"bitbucket data center push, clone links {clone_links}", data_center_headers("repo:refs_changed", body), body,
            event="push", id=GUID, changes=[change(ref, after) for _, ref, _, after in MOVES],
            repository="https://bitbucket.example.com/scm/proj/repository.git")
    body = b'{"test": true}'
    add("bitbucket data center ping", data_center_headers("diagnostics:ping", body), body, kind="bitbucket", event="ping",
        id=GUID, changes=[])


def azure():
    body = encode(forge.azure([move[1:] for move in MOVES]))
    headers = [["Content-Type", "application/json; charset=utf-8"], basic("any user", SECRET)]
    meaning = {"event": "push", "id": "03c164c2-8912-4d5e-8009-3707d5f83734/42",
               "changes": [change(ref, after) for _, ref, _, after in MOVES],
               "repository": "https://dev.azure.com/fabrikam/Fabrikam%20Fiber/_git/Fabrikam-Fiber-Git"}
    add("azure push", headers, body, kind="azure", **meaning)
    add("azure push, recognised, no user name", [basic("", SECRET)], body, **meaning)
    add("azure push, a proxy's id", [*headers, ["X-Request-Id", "f00"]], body, **meaning)
    add("azure work item", headers, encode(forge.azure_work_item()), event="other", changes=[])


def generic():
    body = encode({"repository": {"clone_url": "https://git.example.com/a/b.git"}, "ref": "refs/heads/main", "after": NEW})
    meaning = {"event": "push", "id": "", "changes": [change("refs/heads/main", NEW)], "repository": "https://git.example.com/a/b"}
    for header in ("X-Signature-256", "X-Signature", "X-Hub-Signature-256"):
        add(f"generic {header}", [[header, "sha256=" + mac(SECRET, body)]], body, kind="generic", **meaning)
    bearer = [["authorization", "bearer " + SECRET]]
    add("generic bearer", [["Authorization", "Bearer " + SECRET]], body, kind="generic", **meaning)
    add("generic bearer, recognised", bearer, body, **meaning)
    add("generic standard", standard(body), body, kind="generic", secrets=(OTHER, SIGNING), event="push", id=GUID)
    add("generic, nothing in it", bearer, b"", event="push", changes=[])
    add("generic, no JSON", bearer, b"look, please", event="push", changes=[])


def refused_signatures():
    body = SMALL
    right, digest = github_headers("push", body), mac(SECRET, body)
    signature = "X-Hub-Signature-256"
    add("another secret", github_headers("push", body, "guess"), body, False)
    add("no secret fits", right, body, False, secrets=("a", "b"))
    add("an empty secret", [[signature, "sha256=" + mac("", body)]], body, False, secrets=("",))
    add("another body", right, body.replace(b"main", b"mean"), False)
    add("a longer body", right, body + b" ", False)
    add("a shorter body", right, body[:-1], False)
    add("no signature", [["X-GitHub-Event", "push"]], body, False)
    add("capital letters are fine", [[signature, "sha256=" + digest.upper()]], body)
    malformed = ["", "sha256=", "sha256=" + digest[:-1], "sha256=" + digest[:-2], "sha256=" + digest + "00",
                 "sha256=" + digest[:-1] + "g", digest, "SHA256=" + digest, "sha1=" + digest, "sha256=" + "0" * 64,
                 "sha256= " + digest, "sha256=" + digest + ",sha256=" + digest,
                 "sha512=" + hmac.new(SECRET.encode(), body, hashlib.sha512).hexdigest(),
                 "sha256=" + base64.b64encode(bytes.fromhex(digest)).decode(), "sha256=" + hashlib.sha256(body).hexdigest(),
                 "sha256=" + hashlib.sha256(SECRET.encode() + body).hexdigest()]
    for value in malformed:
        add(f"malformed: {value}", [[signature, value]], body, False)
    add("repeated, both right", [[signature, "sha256=" + digest]] * 2, body, False)
    add("SHA-1 alone", [["X-Hub-Signature", sha1(SECRET, body)]], body, False)
    add("SHA-1 alone, of Bitbucket", [["X-Hub-Signature", sha1(SECRET, body)]], body, False, kind="bitbucket")
    for kind in ("gitlab", "azure", "bitbucket"):
        add(f"{kind}: with GitHub's signature", [[signature, "sha256=" + digest]], body, False, kind=kind)
    for kind, name in (("gitea", "X-Gitea-Signature"), ("forgejo", "X-Forgejo-Signature"), ("gogs", "X-Gogs-Signature")):
        add(f"{kind}: with a prefix", [[name, "sha256=" + digest]], body, False, kind=kind)
        add(f"{kind}: empty, as sent without a secret", [[name, ""]], body, False, kind=kind)
        add(f"{kind}: with GitHub's signature", right, body, False, kind=kind)


def refused_forms():
    signed = SMALL
    for name, bad in (("a parameter after it", form(signed) + b"&x=1"), ("another name", b"x" + form(signed)),
                      ("a broken escape", form(signed) + b"%4"), ("twice encoded", form(form(signed))),
                      ("another payload", form(signed[:-1] + b" }"))):
        add(f"form: {name}", gitea_headers("push", signed), bad, False)


def one_header_beside_another():
    body = SMALL
    digest, wrong = mac(SECRET, body), mac("guess", body)
    hub, bad_hub = ["X-Hub-Signature-256", "sha256=" + digest], ["X-Hub-Signature-256", "sha256=" + wrong]
    token, bearer = ["X-Gitlab-Token", SECRET], ["Authorization", "Bearer " + SECRET]
    for name, weaker in (("token", token), ("bearer", bearer), ("basic", basic("x", SECRET))):
        add(f"a right {name} does not rescue a wrong MAC", [weaker, bad_hub], body, False)
        add(f"a right {name} does not rescue a malformed MAC", [["X-Hub-Signature-256", "no"], weaker], body, False)
        add(f"a right {name} does not rescue SHA-1", [["X-Hub-Signature", sha1(SECRET, body)], weaker], body, False)
    add("a wrong token does not spoil a right MAC", [["X-Gitlab-Token", "x"], hub], body)
    add("all MACs must be right", [hub, ["X-Gitea-Signature", wrong]], body, False)
    add("all MACs must be right, in any order", [["X-Gogs-Signature", digest], bad_hub], body, False)
    add("two right ones", [hub, ["X-Gitea-Signature", digest]], body)
    add("under two secrets", [hub, ["X-Gitea-Signature", mac(OTHER, body)]], body, False)
    add("the kind's own is looked at", [bad_hub, ["X-Gitea-Signature", digest]], body, kind="gitea")
    add("a proxy's Authorization beside GitLab's token", [basic("proxy", "x"), token], body)
    add("a wrong token beside a right bearer", [["X-Gitlab-Token", "x"], bearer], body, False)
    add("kind azure: the token of GitLab is nothing to it", [token, basic("x", SECRET)], body, kind="azure")
    add("kind azure: no bearer", [bearer], body, False, kind="azure")
    add("kind github: no token", [token], body, False, kind="github")
    both = [token, *standard(body)]
    add("gitlab sends both: the signature decides", both, body, False, kind="gitlab", secrets=(SECRET,))
    add("gitlab sends both: signed", both, body, kind="gitlab", secrets=(SECRET, SIGNING))


def refused_tokens():
    body = SMALL
    right = basic("x", SECRET)[1]
    for name, value in (("another password", basic("x", "guess")[1]), ("as the user name", basic(SECRET, "")[1]),
                        ("no colon", "Basic " + base64.b64encode(SECRET.encode()).decode()), ("no base64", "Basic " + SECRET),
                        ("no padding", right.rstrip("=")), ("no scheme", SECRET), ("another scheme", "Token " + SECRET),
                        ("bearer with more", f"Bearer {SECRET}x"), ("bearer with less", "Bearer " + SECRET[:-1]),
                        ("bearer, empty", "Bearer "), ("empty", "")):
        add(f"authorization: {name}", [["Authorization", value]], body, False)
    add("authorization twice", [["Authorization", "Bearer " + SECRET]] * 2, body, False)
    add("basic: a colon in the password", [basic("x", "a:b")], body, secrets=("a:b",))
    add("token: another case", [["X-Gitlab-Token", SECRET.upper()]], body, False)
    add("token: empty, of an empty secret", [["X-Gitlab-Token", ""]], body, False, secrets=("",))


def standard_webhooks():
    body = SMALL
    secrets = (SIGNING,)
    identity, when, signature = standard(body)
    name, value = signature
    for age in (-300, 300):
        add(f"standard: {age} s off", standard(body, when=NOW + age), body, secrets=secrets)
    for age in (-301, 301, -NOW):
        add(f"standard: {age} s off is too far", standard(body, when=NOW + age), body, False, secrets=secrets)
    add("standard: one of several", [identity, when, [name, "v1a,AAAA v1,AAAA " + value]], body, secrets=secrets)
    for bad in ("", "v1,", "v1", value[3:], value.replace("v1,", "v1="), value.replace("v1,", "v1a,"), value.rstrip("="),
                "v1,x " * 16 + value, " ".join(["v1," + "A" * 43 + "="] * 3)):
        add(f"standard: malformed {bad}", [identity, when, [name, bad]], body, False, secrets=secrets)
    for missing, headers in (("id", [when, signature]), ("time", [identity, signature]), ("signature", [identity, when])):
        add(f"standard: no {missing}", headers, body, False, secrets=secrets)
    add("standard: another id", [["webhook-id", "x"], when, signature], body, False, secrets=secrets)
    for bad in (f"{NOW + 1}", f"{NOW}.0", f"+{NOW}", "-1", "0x6b", "99999999999999999999", f"{NOW} "):
        add(f"standard: time {bad}", [identity, ["webhook-timestamp", bad], signature], body, False, secrets=secrets)
    add("standard: a dot in the id", standard(body, delivery="a.b"), body, False, secrets=secrets)
    add("standard: divided elsewhere", [["webhook-id", f"{GUID}.{NOW}.{{"], *standard(body)[1:]], body, False, secrets=secrets)
    add("standard: the secret as it is written", standard(body, secret=base64.b64encode(SIGNING.encode()).decode()), body, False,
        secrets=secrets)
    add("standard: a secret of another form", standard(body), body, False, secrets=(SIGNING.removeprefix("whsec_"),))
    add("standard: as the MAC of the body", [["X-Hub-Signature-256", "sha256=" + mac(SIGNING, body)]], body, secrets=secrets)


def main():
    for part in (github, gitea_and_kin, gitlab, bitbucket, azure, generic, refused_signatures, refused_forms,
                 one_header_beside_another, refused_tokens, standard_webhooks):
        part()
    text = "[\n" + ",\n".join(json.dumps(vector, ensure_ascii=False) for vector in VECTORS) + "\n]\n"
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        if pathlib.Path(sys.argv[2]).read_text(encoding="utf-8") != text:
            print(f"{sys.argv[2]} is not what make_vectors.py writes", file=sys.stderr)
            return 1
        return 0
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
