# SPDX-License-Identifier: Apache-2.0
"""The bodies that forges send with their webhooks, in the shape their documentation gives them.

Each function takes the ref and its commits before and after; a commit of zeros is one that is not there.
"""

ZERO = "0" * 40
OLD = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
NEW = "59b20b8d5c6ff8d09518454d4dd8b7b30f095ab5"
TAG_OBJECT = "82b3d5ae55f7080f1e6022629cdb57bfae7cccc7"


def _commit(url):
    return {"id": NEW, "tree_id": "f9d2a07e9488b91af2641b26b9407fe22a451433", "distinct": True,
            "message": "Füge Übersicht hinzu\n\nGrüße aus \"München\" \\o/ 🎉", "timestamp": "2026-11-20T11:22:33+01:00",
            "url": f"{url}/commit/{NEW}", "author": {"name": "Mona Lisa", "email": "mona@example.com", "username": "mona"},
            "added": ["docs/übersicht.md"], "removed": [], "modified": ["README.md"]}


def github(ref, before, after):
    page = "https://github.com/octo-org/hello-world"
    return {"ref": ref, "before": before, "after": after, "repository": _github_repository(page),
            "pusher": {"name": "mona", "email": "mona@example.com"}, "sender": {"login": "mona", "id": 21031067, "type": "User"},
            "created": before == ZERO, "deleted": after == ZERO, "forced": False, "base_ref": None,
            "compare": f"{page}/compare/{before[:12]}...{after[:12]}",
            "commits": [] if after == ZERO else [_commit(page)], "head_commit": None if after == ZERO else _commit(page)}


def _github_repository(page):
    return {"id": 186853002, "node_id": "MDEwOlJlcG9zaXRvcnkxODY4NTMwMDI=", "name": "hello-world",
            "full_name": "octo-org/hello-world", "private": True,
            "owner": {"name": "octo-org", "login": "octo-org", "id": 21031067, "html_url": "https://github.com/octo-org"},
            "html_url": page, "description": None, "fork": False, "url": page,
            "hooks_url": "https://api.github.com/repos/octo-org/hello-world/hooks",
            "git_url": "git://github.com/octo-org/hello-world.git", "ssh_url": "git@github.com:octo-org/hello-world.git",
            "clone_url": page + ".git", "svn_url": page, "homepage": None, "size": 0, "default_branch": "main", "topics": []}


def github_ping():
    return {"zen": "Keep it logically awesome.", "hook_id": 109948940,
            "hook": {"type": "Repository", "id": 109948940, "name": "web", "active": True, "events": ["push"],
                     "config": {"content_type": "json", "insecure_ssl": "0", "url": "https://sync.example.com/hooks/docs"}},
            "repository": _github_repository("https://github.com/octo-org/hello-world"),
            "sender": {"login": "mona", "id": 21031067}}


def github_create_tag():
    return {"ref": "v1.0", "ref_type": "tag", "full_ref": "refs/tags/v1.0", "master_branch": "main", "description": None,
            "pusher_type": "user", "repository": _github_repository("https://github.com/octo-org/hello-world"),
            "sender": {"login": "mona", "id": 21031067}}


def _gitlab_project():
    page = "http://gitlab.example.com/mike/diaspora"
    return {"id": 15, "name": "Diaspora", "description": "", "web_url": page, "avatar_url": None,
            "git_ssh_url": "git@gitlab.example.com:mike/diaspora.git", "git_http_url": page + ".git", "namespace": "Mike",
            "visibility_level": 0, "path_with_namespace": "mike/diaspora", "default_branch": "main", "homepage": page,
            "url": "git@gitlab.example.com:mike/diaspora.git", "ssh_url": "git@gitlab.example.com:mike/diaspora.git",
            "http_url": page + ".git"}


def gitlab(ref, before, after):
    kind = "tag_push" if ref.startswith("refs/tags/") else "push"
    return {"object_kind": kind, "event_name": kind, "before": before, "after": after, "ref": ref, "ref_protected": True,
            "checkout_sha": None if after == ZERO else NEW, "message": None, "user_id": 4, "user_name": "John Smith",
            "user_username": "jsmith", "user_email": "", "project_id": 15, "project": _gitlab_project(), "commits": [],
            "total_commits_count": 0, "push_options": {},
            "repository": {"name": "Diaspora", "url": "git@gitlab.example.com:mike/diaspora.git", "description": "",
                           "homepage": "http://gitlab.example.com/mike/diaspora",
                           "git_http_url": "http://gitlab.example.com/mike/diaspora.git",
                           "git_ssh_url": "git@gitlab.example.com:mike/diaspora.git", "visibility_level": 0}}


def gitlab_issue():
    return {"object_kind": "issue", "event_type": "issue", "user": {"id": 1, "name": "Administrator"}, "project": _gitlab_project(),
            "object_attributes": {"id": 301, "iid": 23, "title": "New API", "state": "opened", "action": "open"},
            "changes": {"updated_at": {"previous": "2026-09-15 16:50:55 UTC", "current": "2026-09-15 16:52:00 UTC"}}}


def gitlab_repository_update():
    return {"event_name": "repository_update", "user_id": 1, "project_id": 15, "project": _gitlab_project(),
            "changes": [{"before": OLD, "after": NEW, "ref": "refs/heads/main"},
                        {"before": OLD, "after": ZERO, "ref": "refs/heads/old"}],
            "refs": ["refs/heads/main", "refs/heads/old"]}


def gitea(ref, before, after, host="git.example.org:3000"):
    """Forgejo's and Gogs' too: both have kept the shape."""
    page = f"https://{host}/gitea/webhooks"
    return {"ref": ref, "before": before, "after": after, "compare_url": f"{page}/compare/{before}...{after}",
            "commits": [] if after == ZERO else [_commit(page)], "total_commits": 1,
            "repository": {"id": 140, "owner": {"id": 1, "login": "gitea", "email": "someone@example.org", "username": "gitea"},
                           "name": "webhooks", "full_name": "gitea/webhooks", "description": "", "private": False, "fork": False,
                           "html_url": page, "url": f"https://{host}/api/v1/repos/gitea/webhooks",
                           "ssh_url": "ssh://gitea@git.example.org:2222/gitea/webhooks.git", "clone_url": page + ".git",
                           "website": "", "stars_count": 0, "default_branch": "main"},
            "pusher": {"id": 1, "login": "gitea"}, "sender": {"id": 1, "login": "gitea"}}


def _bitbucket_cloud_repository():
    api = "https://api.bitbucket.org/2.0/repositories/team_name/repo_name"
    return {"type": "repository", "full_name": "team_name/repo_name", "uuid": "{673a6070-3421-46c9-9d48-90745f7bfe8e}",
            "links": {"self": {"href": api}, "html": {"href": "https://bitbucket.org/team_name/repo_name"},
                      "avatar": {"href": "https://bytebucket.org/ravatar/%7B673a6070%7D?ts=default"}},
            "name": "repo_name", "scm": "git", "website": "", "is_private": True,
            "workspace": {"type": "workspace", "slug": "team_name"}}


def bitbucket_cloud(moves):
    """moves: (type, name, before, after) for each ref of one push."""
    def side(kind, name, commit):
        if commit == ZERO:
            return None
        return {"type": kind, "name": name,
                "target": {"type": "commit", "hash": commit, "date": "2026-06-09T03:34:49+00:00", "message": "new\n"},
                "links": {"html": {"href": f"https://bitbucket.org/team_name/repo_name/branch/{name}"}}}
    changes = [{"new": side(kind, name, after), "old": side(kind, name, before), "created": before == ZERO,
                "closed": after == ZERO, "forced": False, "truncated": False, "commits": []}
               for kind, name, before, after in moves]
    return {"actor": {"type": "user", "nickname": "emma1"}, "repository": _bitbucket_cloud_repository(), "push": {"changes": changes}}


def _data_center_change(ref, before, after):
    return {"ref": {"id": ref, "displayId": ref.split("/", 2)[2], "type": "TAG" if "/tags/" in ref else "BRANCH"}, "refId": ref,
            "fromHash": before, "toHash": after, "type": "ADD" if before == ZERO else "DELETE" if after == ZERO else "UPDATE"}


def bitbucket_data_center(moves, clone_links=True):
    """moves: (ref, before, after) for each ref of one push. Older servers send no links for cloning."""
    links = {"self": [{"href": "https://bitbucket.example.com/projects/PROJ/repos/repository/browse"}]}
    if clone_links:
        links["clone"] = [{"href": "ssh://git@bitbucket.example.com:7999/proj/repository.git", "name": "ssh"},
                          {"href": "https://bitbucket.example.com/scm/proj/repository.git", "name": "http"}]
    return {"eventKey": "repo:refs_changed", "date": "2026-09-19T09:58:11+1000",
            "actor": {"name": "admin", "id": 1, "type": "NORMAL"},
            "repository": {"slug": "repository", "id": 84, "name": "repository", "scmId": "git", "state": "AVAILABLE",
                           "forkable": True, "project": {"key": "PROJ", "id": 84, "name": "project", "type": "NORMAL"},
                           "public": False, "links": links},
            "changes": [_data_center_change(*move) for move in moves]}


def azure(moves):
    """moves: (ref, before, after) for each ref of one push."""
    return {"subscriptionId": "4f6e6328-0251-4814-a009-c01dfa368e3f", "notificationId": 42,
            "id": "03c164c2-8912-4d5e-8009-3707d5f83734", "eventType": "git.push", "publisherId": "tfs",
            "message": {"text": "Jamal Hartnett pushed updates to Fabrikam-Fiber-Git:main."},
            "resource": {"commits": [{"commitId": NEW, "comment": "Fixed bug in web.config file"}],
                         "refUpdates": [{"name": ref, "oldObjectId": before, "newObjectId": after} for ref, before, after in moves],
                         "repository": {"id": "278d5cd2-584d-4b63-824a-2ba458937249", "name": "Fabrikam-Fiber-Git",
                                        "url": "https://dev.azure.com/fabrikam/_apis/git/repositories/278d5cd2",
                                        "project": {"id": "6ce954b1-ce1f-45d1-b94d-e6bf2464ba2c", "name": "Fabrikam Fiber"},
                                        "defaultBranch": "refs/heads/main",
                                        "remoteUrl": "https://fabrikam@dev.azure.com/fabrikam/Fabrikam%20Fiber"
                                                     "/_git/Fabrikam-Fiber-Git"},
                         "pushedBy": {"displayName": "Jamal Hartnett"}, "pushId": 14, "date": "2026-05-02T19:17:13.3309587Z"},
            "resourceVersion": "1.0", "createdDate": "2026-09-19T13:03:27.0379153Z"}


def azure_work_item():
    return {"subscriptionId": "4f6e6328-0251-4814-a009-c01dfa368e3f", "notificationId": 43,
            "id": "27646e0e-b520-4d2b-9411-bba7524947cd", "eventType": "workitem.updated", "publisherId": "tfs",
            "resource": {"id": 2, "workItemId": 0, "rev": 2}}
