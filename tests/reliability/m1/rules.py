# SPDX-License-Identifier: Apache-2.0
"""The model: which commits each link may show, when a link may be missing. It knows the configuration, the remotes and what the rig
did to the volume; of the daemon it sees only the links. docs/durability.md says the same in sentences.

A source is (remote, branch). A problem is "rule: words", the rule being what a shrunk sequence has to break again.
"""

import re
from dataclasses import dataclass, field

from tests.reliability.m1.operations import overlap

_TREE = re.compile(r"^(?:\.\./)*\.adapter/([^/]+)/trees/([0-9a-f]{40})$")
# A job that a reload replaced may still end, within the time in which a stop is obeyed.
_LATE_SECONDS = 2.5
_DEFAULT_PRUNE_SECONDS = 3600.0
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def branch_of(ref):
    return {"HEAD": "main"}.get(ref, ref.rsplit("/", 1)[-1])


def tree_of(path, target):
    """(name, commit) of a link's target; None when it leads to no tree of ours."""
    match = _TREE.match(target or "")
    if not match or target.count("../") != path.count("/"):
        return None
    return match.group(1), match.group(2)


def prune_seconds(prune):
    """None: never."""
    if not prune:
        return None
    if prune is True:
        return _DEFAULT_PRUNE_SECONDS
    number, unit = re.match(r"^(\d+)([a-z]+)$", prune).groups()
    return int(number) * UNITS[unit]


class Version:
    """One configuration that is, or was, in force."""

    def __init__(self, configuration, since):
        self.since = since
        self.entries = configuration["repositories"]
        self.links = {entry["link"]: name for name, entry in self.entries.items()}
        self.prune = prune_seconds(configuration["prune"]) if self.entries else None
        self.retired = None

    def source(self, name):
        return self.entries[name]["remote"], branch_of(self.entries[name]["ref"])


@dataclass
class Path:
    """What the last look at a link's path saw, and what is expected of the next one."""

    target: str = None
    resolves: bool = False
    since: float = 0.0
    must: bool = False  # a configured link that was there: it may not be missing
    by_rig: set = field(default_factory=set)  # what the rig may have just put there; None: it removed what was there
    forgotten: bool = False  # no record of the daemon leads here any more, because of an accident


class Model:
    """Fed in the order of time. Not for several threads."""

    def __init__(self, links):
        self.paths = {link: Path() for link in links}
        self.possible = []  # versions that may be in force; none while no daemon runs
        self.former = []  # versions that were
        self.tips = {}  # source → [commit…] in the order in which they were the ref's tip
        self.source_of = {}
        self.low = {}  # (path, source) → index of the tip that the link showed at least
        self.lost_trees = {}  # (name, commit) that the rig removed → whether it has ended with that
        self.forgetful = set()  # names whose record the rig removed or changed
        self.lost_homes = {}  # names whose folder the rig removed → whether it has ended with that
        self.gone_since = {}
        self.problems = []

    def say(self, rule, words, *values):
        self.problems.append("%s: %s" % (rule, words % values))

    # ---- what the rig does

    def tip(self, source, commit):
        """Called before the remote shows it."""
        self.tips.setdefault(source, []).append(commit)
        self.source_of[commit] = source

    def may_be_in_force(self, version):
        self.possible.append(version)
        for name in {name for each in self.possible + self.former for name in each.entries} - set(version.entries):
            self.gone_since.setdefault(name, version.since)
        self._arm()

    def is_in_force(self, now):
        """The newest one, alone."""
        for before, after in zip(self.possible, self.possible[1:]):
            self._carry_over(before, after)
            before.retired = now
            self.former.append(before)
        self.possible = self.possible[-1:]
        for name in self.possible[0].entries:
            self.gone_since.pop(name, None)
        if not self.possible[0].entries:
            self.gone_since.clear()  # an empty configuration interrupts the delay
        self._arm()

    def _carry_over(self, before, after):
        """A repository that moves its link takes along what was seen at the former one."""
        carried = {}
        for name, entry in after.entries.items():
            if name in before.entries and before.source(name) == after.source(name):
                carried[entry["link"], after.source(name)] = self._low_after(before, entry["link"], name, after.source(name))
        self.low.update(carried)

    def _low_after(self, before, link, name, source):
        """The tip that the repository, which also `before` had this source, shows at least at its link from now on. A link that it
        takes from another repository shows what it has itself, be it older: no repository goes back, and it may not reach its
        remote at the moment."""
        own = self.low.get((before.entries[name]["link"], source), 0)
        if before.links.get(link) in (None, name):
            return max(self.low.get((link, source), 0), own)
        return own

    def started(self, version):
        self.gone_since.clear()
        self.possible = []
        self.may_be_in_force(version)
        if self.former:
            self._carry_over(self.former[-1], version)

    def ended(self, now):
        for each in self.possible:
            each.retired = now
            self.former.append(each)
        self.possible = []
        self._arm()

    def accident(self, path, *values):
        """The rig is about to put one of these at the path: a target, or None for nothing."""
        self.paths[path].by_rig = set(values)
        self.paths[path].must = False

    def lose_tree(self, tree):
        """The rig is about to remove it, file by file: a link may show it as long as its folder is there."""
        self.lost_trees[tree] = False

    def forget(self, path):
        """No record leads the daemon to this link any more."""
        self.paths[path].forgotten = True

    def may_show_again(self, path, commit):
        """The rig put an older commit there."""
        key = (path, self.source_of.get(commit))
        if key in self.low:
            self.low[key] = min(self.low[key], self.tips[key[1]].index(commit))

    def knows_as_of(self, low):
        """The rig put a record or a volume of an older time in place."""
        for key, index in self.low.items():
            self.low[key] = min(index, low.get(key, 0))

    def accident_is_over(self):
        self.lost_trees = dict.fromkeys(self.lost_trees, True)
        self.lost_homes = dict.fromkeys(self.lost_homes, True)
        for path in self.paths.values():
            path.by_rig = set()
        self._arm()

    def _arm(self):
        for link, path in self.paths.items():
            there = tree_of(link, path.target) is not None and path.resolves
            if self.possible and any(link not in each.links for each in self.possible):
                path.must = False
            elif self.possible and there:
                path.must = True

    # ---- what is seen

    def see(self, looks):
        """Looks of the watcher, (round, time, path, target, resolves), in their order. In one round what appeared counts before
        what vanished: the watcher reads one path after the other."""
        for _, when, link, target, resolves in sorted(looks, key=lambda look: (look[0], look[3] is None)):
            path = self.paths[link]
            if target != path.target:
                self._changed(link, path, target, when)
            path.target, path.resolves, path.since = target, resolves, when
            if target is not None and not resolves:
                self._dangles(link, path, when)
            elif target is not None:
                self._found(tree_of(link, target))
            self._arm()

    def _found(self, tree):
        if self.lost_trees.get(tree):
            del self.lost_trees[tree]
        if tree and self.lost_homes.get(tree[0]):
            del self.lost_homes[tree[0]]

    def _changed(self, link, path, target, when):
        if target in path.by_rig:
            return
        if not self.possible:
            self.say("changed alone", "%s became %s while no daemon ran", link, target)
        elif target is None:
            self._vanished(link, path, when)
        elif tree_of(link, target) is None:
            self.say("strange", "%s became %s", link, target)
        else:
            self._appeared(link, path, *tree_of(link, target), when)

    def _appeared(self, link, path, name, commit, when):
        source = self.source_of.get(commit)
        allowed = {each.source(each.links[link]) for each in self.possible if link in each.links}
        names = {each.links[link] for each in self.possible if link in each.links}
        shown = self.shown(link)
        if shown not in allowed:  # nothing of what is configured now was there before
            for each in self.former:
                if link in each.links and each.retired and when - each.retired < _LATE_SECONDS:
                    allowed.add(each.source(each.links[link]))
                    names.add(each.links[link])
        if source not in allowed:
            self.say("wrong source", "%s shows %s of %s; configured: %s; before: %s", link, commit[:8], source, sorted(allowed), shown)
            return
        if name not in names:
            self.say("wrong owner", "%s leads into the folder of %s; it belongs to %s", link, name, sorted(names))
        tips, low = self.tips[source], self._low(link, name, source)
        later = [index for index in range(low, len(tips)) if tips[index] == commit]
        if not later:
            self.say("went back", "%s shows %s, tip %s of %s; it had shown tip %d or a later one of %s", link, commit[:8],
                     [index for index, each in enumerate(tips) if each == commit], source, low, [each[:8] for each in tips])  # fmt: skip
        self.low[link, source] = later[0] if later else low
        path.forgotten = False

    def _low(self, link, name, source):
        """With several versions that may be in force, what the most tolerant of them demands."""
        demands = []
        for before, after in zip(self.possible, self.possible[1:]):
            if after.links.get(link) == name and before.links.get(link) != name:
                if name in before.entries and before.source(name) == source:
                    demands.append(self._low_after(before, link, name, source))
        return min(demands, default=self.low.get((link, source), 0))

    def shown(self, link):
        tree = tree_of(link, self.paths[link].target)
        return self.source_of.get(tree[1]) if tree else None

    def _vanished(self, link, path, when):
        if path.must:
            self.say("missing", "%s, a link of a configured, published repository, is missing", link)
            return
        late = [each for each in self.former if each.retired and when - each.retired < _LATE_SECONDS]
        reasons = [self._why_not_gone(link, path, each, when) for each in late + self.possible]
        if all(reasons):
            self.say("removed", "%s led to %s and is gone: %s", link, path.target, reasons[-1])

    def _why_not_gone(self, link, path, version, when):
        """None when this configuration allows the daemon to remove the link."""
        if link in version.links:
            return "it is configured"
        tree = tree_of(link, path.target)
        owners = {each.links[link] for each in self.former + self.possible if link in each.links}
        if tree:
            owners.add(tree[0])
        for name in owners:
            if name in version.entries:
                new = version.entries[name]["link"]
                if overlap(link, new) or self.shown(new) == version.source(name):
                    return None
            elif version.prune is not None and when - self.gone_since.get(name, when) >= version.prune:
                return None
        return "no new link of %s shows its source, and none was gone for the time of prune" % sorted(owners)

    def _dangles(self, link, path, when):
        tree = tree_of(link, path.target)
        if path.target in path.by_rig or tree is None or tree in self.lost_trees or path.forgotten:
            return
        if tree[0] in self.lost_homes:
            return
        reasons = [self._why_not_dangling(link, tree[0], each, when) for each in self.possible]
        if all(reasons):
            self.say("dangles", "%s%s leads to %s, which is missing", link, reasons[-1] if reasons else "", path.target)

    def _why_not_dangling(self, link, name, version, when):
        """None when this configuration allows the link to lead nowhere."""
        if link in version.links:
            return ", which is configured,"
        pruned = name not in version.entries and version.prune is not None
        if name in self.forgetful or (pruned and when - self.gone_since.get(name, when) >= version.prune):
            return None
        return ", a former link,"
