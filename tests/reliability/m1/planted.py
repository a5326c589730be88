# SPDX-License-Identifier: Apache-2.0
"""Faults put in on purpose, behind the model's back while a daemon runs: each has to be noticed, by the rule that it breaks."""

import os
import shutil
import time

from tests.reliability.m1.rules import tree_of
from tests.reliability.m1.shrink import shrink
from tests.reliability.m1.world import World

_GAP_SECONDS = 0.05


def _point(world, link, name, commit):
    path = os.path.join(world.adapter.data, link)
    os.symlink("../" * link.count("/") + ".adapter/%s/trees/%s" % (name, commit), path + ".planted")
    os.rename(path + ".planted", path)


def _tree(world, link):
    return tree_of(link, os.readlink(os.path.join(world.adapter.data, link)))


def another_repository(world):
    """A link that shows another repository's tree, as a reload could leave it."""
    _point(world, "a", *_tree(world, "b"))


def own_folder_another_source(world):
    """A link into its own repository's folder, at a commit of another source."""
    name, _ = _tree(world, "a")
    commit = _tree(world, "b")[1]
    os.makedirs(os.path.join(world.adapter.data, ".adapter", name, "trees", commit))
    _point(world, "a", name, commit)


def _away_for_a_moment(path, remove):
    os.rename(path, path + ".away")
    time.sleep(_GAP_SECONDS)
    if os.path.lexists(path):  # the daemon was faster
        remove(path + ".away")
    else:
        os.rename(path + ".away", path)


def gap(world):
    path = os.path.join(world.adapter.data, "sites/a")
    _away_for_a_moment(path, os.unlink)


def dangling(world):
    name, commit = _tree(world, "c")
    tree = os.path.join(world.adapter.data, ".adapter", name, "trees", commit)
    _away_for_a_moment(tree, shutil.rmtree)


def older_commit(world):
    name, commit = _tree(world, "a")
    trees = os.path.join(world.adapter.data, ".adapter", name, "trees")
    older = [each for each in os.listdir(trees) if each != commit and len(each) == 40]
    _point(world, "a", name, older[0])


def kept_link_removed(world):
    """The link of a repository that left the configuration, without prune."""
    os.unlink(os.path.join(world.adapter.data, "d"))


def torn_tree(world):
    name, commit = _tree(world, "a")
    os.truncate(os.path.join(world.adapter.data, ".adapter", name, "trees", commit, "MARK"), 3)


def litter(world):
    with open(os.path.join(world.adapter.data, ".adapter", "r0", ".tmp-planted"), "w", encoding="utf-8"):
        pass


# What is done before, the fault, the rule that has to notice it. One world has them all, in this order.
_FAULTS = (
    ([["settle"]], another_repository, "wrong source"),
    ([["settle"]], own_folder_another_source, "wrong source"),
    ([["settle"]], gap, "missing"),
    ([["settle"]], dangling, "dangles"),
    ([["commit", "a", "main", 1, "plain"], ["settle"]], older_commit, "went back"),
    ([["settle"], ["edit", "hup", [["remove", "r5"]]]], kept_link_removed, "removed"),
    ([["settle"]], litter, "left over"),
    ([], torn_tree, "content"),
)
_LITTER_SECONDS = 0.5


def all_caught(row, folder):
    """The problems that the faults brought up; none when one of them went unnoticed, or the shrinker does not shrink."""
    numbers = [["wait", number] for number in range(40)]
    if shrink(numbers, lambda some: ["wait", 7] in some and ["wait", 31] in some, 5) != [["wait", 7], ["wait", 31]]:
        print("M1: a sequence that fails for two of its operations was not cut down to them", flush=True)
        return []
    said = []
    world = World(row, os.path.join(folder, "planted"), "planted")
    try:
        world.begin()
        for before, act, rule in _FAULTS:
            for operation in before:
                world.do(operation)
            quiet, world.model.problems = world.model.problems, []
            act(world)
            world.look()
            if rule == "left over":
                world.sweep_seconds = _LITTER_SECONDS
                world.do(["settle"])
            found = [each for each in world.model.problems if each.startswith(rule + ":")]
            if quiet or not found:
                print("M1: %s was not noticed as %r: %s, %s" % (act.__name__, rule, quiet, world.model.problems), flush=True)
                return []
            said += found[:1]
            world.model.problems = []
    finally:
        world.close()
    return said
