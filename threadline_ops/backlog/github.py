"""Filing an issue through GitHub's REST API, once: an open issue with the same id in its title is not filed again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from threadline_ops import __version__
from threadline_ops.errors import BacklogError
from threadline_ops.settings import Settings

_TIMEOUT_S = 20
_PAGE = 100
#: A repository with more open issues than this is asked no further; a second filing is then possible.
_PAGES = 10


@dataclass(frozen=True)
class Filed:
    """An issue at GitHub; `new` unless it was there already."""

    url: str
    new: bool


def file_issue(settings: Settings, repository: str, title: str, text: str) -> Filed:
    """File an issue, unless one with the same `[id]` is open.

    Args:
        settings: API address and token.
        repository: owner/name.
        title: starts with the id in brackets.
        text: Markdown.

    Raises:
        BacklogError: there is no token, or GitHub refused.
    """
    if settings.github_token is None:
        raise BacklogError("no GitHub token is set", fix="set THREADLINE_OPS_GITHUB_TOKEN to one that may write issues")
    token = settings.github_token.get_secret_value()
    identity = title.split("]")[0] + "]"
    path = f"/repos/{repository}/issues"
    for page in range(1, _PAGES + 1):
        listed = _call(settings, token, "GET", f"{path}?state=open&per_page={_PAGE}&page={page}")
        for issue in listed:
            if str(issue["title"]).startswith(identity):
                return Filed(str(issue["html_url"]), new=False)
        if len(listed) < _PAGE:
            break
    made = _call(settings, token, "POST", path, {"title": title, "body": text})
    return Filed(str(made["html_url"]), new=True)


def _call(settings: Settings, token: str, method: str, path: str, body: dict[str, str] | None = None) -> Any:
    """One request; redirects are not followed, so that the token goes nowhere else."""
    api = urlsplit(settings.backlog.api)
    if api.scheme not in ("https", "http") or not api.netloc:
        raise BacklogError("backlog.api is no address", got=settings.backlog.api, fix="use https://api.github.com")
    connection = (HTTPSConnection if api.scheme == "https" else HTTPConnection)(api.netloc, timeout=_TIMEOUT_S)
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {token}",
        "User-Agent": f"threadline-ops/{__version__}",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    try:
        connection.request(method, api.path.rstrip("/") + path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status not in (200, 201):
            raise BacklogError(
                f"GitHub answered {answer.status} {answer.reason}",
                got=f"{method} {path.split('?')[0]}",
                fix="check the repository's name and the token's rights",
            )
        return json.loads(content)
    except (OSError, HTTPException, ValueError) as error:
        raise BacklogError(
            f"GitHub cannot be asked: {type(error).__name__}", got=settings.backlog.api, fix="check backlog.api"
        ) from None
    finally:
        connection.close()
