# SPDX-License-Identifier: Apache-2.0
"""The operations of the random model test as plain lists, so that a sequence is a line of JSON; and the generator of sequences.

["edit", how, [change…]]       one new configuration; how: "hup", "file" (it is noticed), "restart", "kill", or
                               "hup+20": SIGKILL 20 ms after the signal
["storm", [[change…]…]]        several in a row, 20 ms apart
["bad", how]                   a file with a mistake; the configuration in use stays
["commit", remote, branch, count, kind]        kind: "plain", "out" (a link that leads out of the tree), "large"
["withdraw", remote, branch, back]             moves the branch back to the commit that it had `back` tips ago
["remote", remote, state]                      "up", "reset", "slow", 401, 404, 500
["wait", ms]  ["nudge"]                        time, SIGUSR1
["kill", ms, [accident…]]  ["stop", [accident…]]  ends the daemon (SIGKILL after ms, SIGTERM), then the accidents, then a start
["accident", accident]                         while the daemon runs
["replace_volume"]                             another, empty directory under the name of data_dir
["settle"]                                     all is made well; then all must be in step

Changes: ["add", name, remote, ref, link] ["remove", name] ["rename", old, new] ["swap", name, name] ["link", name, link]
["url", name, remote] ["ref", name, ref] ["set", name, key, value] ["prune", value].
"""

import copy

REMOTES = ("a", "b", "c", "d", "e")
BRANCHES = ("main", "dev")
NAMES = tuple("r%d" % number for number in range(9))
# "b" and "b/x" cannot both be there; all else can.
LINKS = ("a", "b", "b/x", "c", "d", "e", "f", "sites/a", "sites/b", "sites/deep/c")
SETTINGS = {"symlinks": ("inside", "keep", "refuse"), "share": ("all", "group"), "names": ("portable", "git"), "depth": (1, 3, 0)}
SHORT_PRUNES = ("300ms", "1s")

_START = (
    ("r0", "a", "main", "a"),
    ("r1", "b", "main", "b"),
    ("r2", "c", "main", "sites/a"),
    ("r3", "a", "dev", "c"),
    ("r4", "d", "main", "sites/deep/c"),
    ("r5", "b", "dev", "d"),
)


def first_configuration():
    return {"prune": None, "repositories": {name: dict(remote=remote, ref=ref, link=link) for name, remote, ref, link in _START}}


def overlap(one, other):
    """Whether one path is the other, or a folder on its way."""
    return one == other or one.startswith(other + "/") or other.startswith(one + "/")


def is_valid(configuration):
    links = [each["link"] for each in configuration["repositories"].values()]
    return not any(overlap(one, other) for at, one in enumerate(links) for other in links[at + 1 :])


def edited(configuration, changes):
    """The configuration after all changes; those that do not fit (a name that is not there) are left out, and one that contradicts
    another repository leaves all as it was."""
    result = copy.deepcopy(configuration)
    for change in changes:
        _apply(result, *change)
    return result if is_valid(result) else configuration


def _apply(configuration, kind, *values):
    entries = configuration["repositories"]
    if kind == "prune":
        configuration["prune"] = values[0]
    elif kind == "add":
        name, remote, ref, link = values
        entries.setdefault(name, {"remote": remote, "ref": ref, "link": link})
    elif values[0] not in entries:
        return
    elif kind == "remove":
        del entries[values[0]]
    elif kind == "rename" and values[1] not in entries:
        entries[values[1]] = entries.pop(values[0])
    elif kind == "swap" and values[1] in entries:
        one, other = entries[values[0]], entries[values[1]]
        one["link"], other["link"] = other["link"], one["link"]
    elif kind in ("link", "url", "ref"):
        entries[values[0]][{"url": "remote"}.get(kind, kind)] = values[1]
    elif kind == "set":
        entries[values[0]][values[1]] = values[2]


# ---- the generator


def _change(random, configuration):
    names = sorted(configuration["repositories"]) or ["r0"]
    name = random.choice(names)
    kind = random.choices(
        ("add", "remove", "rename", "swap", "link", "url", "ref", "set", "prune"), (4, 3, 3, 4, 5, 4, 2, 2, 2)
    )[0]  # fmt: skip
    if kind == "add":
        free = [each for each in NAMES if each not in configuration["repositories"]] or [name]
        return ["add", random.choice(free), random.choice(REMOTES), random.choice(("main", "dev", "HEAD")), random.choice(LINKS)]
    if kind == "rename":
        return ["rename", name, random.choice(NAMES)]
    if kind == "swap":
        return ["swap", name, random.choice(names)]
    if kind == "link":
        return ["link", name, random.choice(LINKS)]
    if kind == "url":
        return ["url", name, random.choice(REMOTES)]
    if kind == "ref":
        return ["ref", name, random.choice(("main", "dev", "HEAD", "refs/heads/dev"))]
    if kind == "set":
        key = random.choice(sorted(SETTINGS))
        return ["set", name, key, random.choice(SETTINGS[key])]
    if kind == "prune":
        return ["prune", random.choice((None, True, *SHORT_PRUNES, *SHORT_PRUNES))]
    return ["remove", name]


def _edit(random, configuration):
    how = random.choices(("hup", "file", "restart", "kill", "hup+"), (16, 1, 3, 3, 4))[0]
    if how == "hup+":
        how += random.choice(("0", "3", "10", "30", "100"))
    return ["edit", how, _changes(random, configuration)]


def _changes(random, configuration):
    for _ in range(20):
        changes = [_change(random, configuration) for _ in range(random.choices((1, 2, 3), (5, 3, 2))[0])]
        if edited(configuration, changes) != configuration:
            break
    return changes


def _storm(random, configuration):
    """The operation, and the configuration after it."""
    series = []
    for _ in range(random.choice((2, 3, 4))):
        series.append(_changes(random, configuration))
        configuration = edited(configuration, series[-1])
    return ["storm", series], configuration


def accident(random, running):
    kinds = {
        "unlink": 5, "repoint": 4, "rmtree": 4, "edit_tree": 2, "state_remove": 2, "state_cut": 1, "state_save": 3, "state_old": 3,
        "remove_home": 2, "remove_private": 1, "foreign": 1,
    }  # fmt: skip
    if not running:
        kinds.update(backup=4, restore=4)
    kind = random.choices(list(kinds), list(kinds.values()))[0]
    if kind == "repoint":
        return [kind, random.choice(LINKS), random.choice(("older", "other", "nowhere"))]
    if kind in ("unlink", "rmtree", "foreign"):
        return [kind, random.choice(LINKS)]
    if kind == "edit_tree":
        return [kind, random.choice(LINKS), random.choice(("append", "mode", "extra", "remove"))]
    if kind.startswith("state") or kind == "remove_home":
        return [kind, random.choice(NAMES)]
    if kind == "restore":
        return [kind, random.choice(("-r", "-a", "chown"))]
    return [kind]


def _remote(random):
    kind = random.choices(("commit", "withdraw", "remote"), (6, 2, 3))[0]
    remote, branch = random.choice(REMOTES), random.choice(BRANCHES)
    if kind == "commit":
        return ["commit", remote, branch, random.choice((1, 1, 1, 3)), random.choices(("plain", "out", "large"), (6, 1, 1))[0]]
    if kind == "withdraw":
        return ["withdraw", remote, branch, random.choice((1, 1, 2))]
    return ["remote", remote, random.choice(("up", "up", "reset", "slow", 401, 404, 500))]


def generate(random, count):
    """A sequence of about `count` operations that begins with a start and ends with everything in step."""
    configuration = first_configuration()
    operations = []
    while len(operations) < count:
        kind = random.choices(
            ("edit", "storm", "remote", "wait", "nudge", "kill", "stop", "accident", "bad", "settle"),
            (48, 8, 52, 24, 8, 14, 8, 28, 2, 12),
        )[0]  # fmt: skip
        if kind == "edit":
            operation = _edit(random, configuration)
            configuration = edited(configuration, operation[2])
        elif kind == "storm":
            operation, configuration = _storm(random, configuration)
        elif kind == "remote":
            operation = _remote(random)
        elif kind == "wait":
            operation = ["wait", random.choice((5, 50, 150, 400))]
        elif kind == "kill":
            operation = ["kill", random.choice((0, 5, 20, 60, 150)), _accidents(random)]
        elif kind == "stop":
            operation = ["stop", _accidents(random)]
        elif kind == "accident":
            operation = ["accident", accident(random, True)]
        elif kind == "bad":
            operation = ["bad", random.choice(("hup", "file"))]
        else:
            operation = [kind]
        operations.append(operation)
    return operations + [["settle"]]


def _accidents(random):
    return [accident(random, False) for _ in range(random.choices((0, 1, 2, 3), (4, 3, 2, 1))[0])]
