# SPDX-License-Identifier: Apache-2.0
"""What is found in the volume: each tree that a link shows is compared with git's own, and, when all has been well for a while, every
link shows its remote's tip and nothing lies in the volume that may not."""

import os
import signal
import time

from tests.checker.check_volume import Volume
from tests.reliability.m1.operations import LINKS, overlap
from tests.reliability.m1.remotes import OUT
from tests.reliability.m1.rules import tree_of

_SETTLE_SECONDS = 20.0
_READY_SECONDS = 5.0
_NUDGE_SECONDS = 1.0
# keep_trees and two more, the one that is written included.
_MOST_TREES = 4


def check_what_is_shown(world):
    """I1 for every link, whatever goes on meanwhile."""
    for link, path in world.model.paths.items():
        tree = tree_of(link, path.target)
        if tree is None or not path.resolves:
            continue
        for attempt in range(3):
            problems = _problems_of(world, link, tree)
            if not problems or os.readlink(os.path.join(world.adapter.data, link)) != path.target:
                break
            time.sleep(0.02 * (attempt + 1))
        else:
            world.model.say("content", "%s: %s", link, "; ".join(problems[:4]))


def _problems_of(world, link, tree, share=None, symlinks=None):
    """None of what is wrong with a tree; without `share` or `symlinks` any of theirs is good."""
    name, commit = tree
    source = world.model.source_of.get(commit)
    folder = os.path.join(world.adapter.data, ".adapter", name, "trees", commit)
    try:
        if source is None or world.accidents.edited.get(tree) == os.stat(folder).st_ino:
            return []
        kept = os.path.lexists(os.path.join(folder, OUT))
        tried = []
        for each in (share,) if share else ("all", "group"):
            volume = Volume(world.adapter.data, name, link, each)
            if commit in world.remotes.with_out and not kept:
                volume.check_tree(commit, world.remotes.directory(source), left_out=[OUT])
            elif (volume.tree_on_disk(folder) or b"").hex() != world.remotes.tree_id(source, commit):
                volume.check_tree(commit, world.remotes.directory(source))
            tried.append(volume.problems)
            if not volume.problems:
                break
        problems = min(tried, key=len)
    except FileNotFoundError as error:  # it went, or it is being replaced
        return [str(error)] if os.path.isdir(folder) else []
    world.trees_checked += 1
    if symlinks and commit in world.remotes.with_out and kept != (symlinks == "keep"):
        problems = problems + ["%s: symlinks is %s and the link is %s" % (name, symlinks, "there" if kept else "left out")]
    return problems


# ---- at rest


def settle(world):
    world.remotes.all_up()
    world.drain()
    world.accidents.remove_foreign()
    world.drain()
    world.model.accident_is_over()
    if world.accidents.edited:  # it is found at a start
        world.restart()
    _wait_for(world, _out_of_step, _SETTLE_SECONDS, "out of step")
    _wait_for(world, _left_over, world.sweep_seconds, "left over")
    _forget_healed_edits(world)
    if not world.held_back and world.configuration["repositories"]:
        _wait_for(world, _not_ready, _READY_SECONDS, "not ready")


def _not_ready(world):
    answer = world.adapter.ask("GET", "/readyz")
    return [] if answer.status == 200 else ["%d %s" % (answer.status, answer.text[:300])]


def _forget_healed_edits(world):
    """What is left is shown by a link that no repository has any more: nobody heals it."""
    version, paths = world.model.possible[-1], world.model.paths
    shown = {tree_of(link, path.target) for link, path in paths.items() if link not in version.links}
    world.accidents.edited = {tree: inode for tree, inode in world.accidents.edited.items() if tree in shown}


def _wait_for(world, find, seconds, rule):
    nudge, deadline = 0.0, time.monotonic() + seconds
    while not world.model.problems:
        world.drain()
        found = find(world)
        if not found:
            return
        now = time.monotonic()
        if now > deadline:
            world.model.say(rule, "after %.1f s: %s\n%s", seconds, "; ".join(found[:5]), world.adapter.tail(6))
            return
        if now > nudge:
            nudge = now + _NUDGE_SECONDS
            world.adapter.signal(signal.SIGUSR1)
        time.sleep(0.03)


def _out_of_step(world):
    model, version = world.model, world.model.possible[-1]
    found = []
    world.held_back = False
    for link, name in sorted(version.links.items()):
        entry, path = version.entries[name], model.paths[link]
        source = version.source(name)
        tip = model.tips[source][-1]
        symlinks = entry.get("symlinks", "inside")
        if _is_held_back(world, name, version):
            world.held_back = True
            continue
        tree = tree_of(link, path.target)
        if tree != (name, tip) or not path.resolves:
            found.append("%s of %s shows %s, not %s, tip of %s" % (link, name, path.target, tip[:8], source))
        else:
            found += _problems_of(world, link, tree, entry.get("share", "all"), symlinks)
    return found


def _is_held_back(world, name, version):
    """Whether a repository cannot publish its tip, and that is no fault."""
    entry, tip = version.entries[name], world.model.tips[version.source(name)][-1]
    refused = entry.get("symlinks") == "refuse" and tip in world.remotes.with_out
    return refused or _is_blocked(world, entry["link"], version)


def _is_blocked(world, link, version):
    """Whether something that nobody has to remove stands on the link's way, or the link on its."""
    full = os.path.join(world.adapter.data, link)
    if world.accidents.restored and os.path.isdir(full) and not os.path.islink(full):
        return True  # it was on the way to another link, and nothing proves any more that the daemon made it
    for other, path in world.model.paths.items():
        if other != link and path.target is not None and other not in version.links and overlap(link, other):
            return True
    return False


def _left_over(world):
    """I4: what lies in the volume and may not."""
    data, model, version = world.adapter.data, world.model, world.model.possible[-1]
    found = []
    _walk(world, "", found)
    private = os.path.join(data, ".adapter")
    for name in sorted(os.listdir(private)):
        if name in (".lock", ".made", ".owner"):
            continue
        if name.startswith("."):
            found.append("litter: .adapter/" + name)
            continue
        if name not in version.entries:
            if _is_due(version) and not _is_needed(world, name, version):
                found.append(".adapter/%s was not pruned" % name)
            continue
        volume = Volume(data, name, version.entries[name]["link"])
        volume.check_clean(_MOST_TREES)
        found += volume.problems
    return found


def _is_due(version):
    """What has to go soon counts as left over until it is gone."""
    return version.prune is not None and version.prune < 60


def _is_needed(world, name, version):
    """A repository that took over a link of this one, and may not publish what its remote has, shows its tree."""
    trees = {owner: tree_of(link, world.model.paths[link].target) for link, owner in version.links.items()}
    return any(tree and tree[0] == name and _is_held_back(world, owner, version) for owner, tree in trees.items())


def _walk(world, folder, found):
    model, version = world.model, world.model.possible[-1]
    for name in sorted(os.listdir(os.path.join(world.adapter.data, folder))):
        path = os.path.join(folder, name)
        if path == ".adapter":
            continue
        full = os.path.join(world.adapter.data, path)
        if os.path.isdir(full) and not os.path.islink(full):
            _walk(world, path, found)
            continue
        if path not in LINKS:
            found.append("litter: " + path)
        elif path not in version.links and not model.paths[path].forgotten:
            found += _why_not_stay(world, path, version)


def _why_not_stay(world, path, version):
    tree = tree_of(path, world.model.paths[path].target)
    if tree is None or tree[0] in world.model.forgetful:
        return []
    if tree[0] in version.entries:
        return [] if _is_held_back(world, tree[0], version) else ["%s, a former link of %s, is still there" % (path, tree[0])]
    return ["%s, link of %s, was not pruned" % (path, tree[0])] if _is_due(version) else []
