"""Who is an organiser: whoever knows the secret, or on a Space whoever logs in under a name of the list.

The secret buys a session: a random token that the browser sends with every call and that every method of
`app.study.service` checks, because anybody can call any handler of a Gradio page. Only hashes are kept here, in memory, so
a restart ends all sessions. Attempts are limited by visitor, who is known by a hash that no address can be had from, and
for all visitors together.

An account counts only on a Space, where the Hub vouches for it: elsewhere Gradio's login gives everybody the account of whoever
runs the program. A name of 24 hexadecimal digits is an account's unchanging id (`sub`) and matches nothing else; any other is a
user name, which its owner can give up and another take.

Wrong attempts are answered more and more shortly, and the right secret always passes: with a limit on it, whoever guesses
would keep the organiser out. What bounds guessing is the allowance of requests and the length of the secret.
"""

import hashlib
import hmac
import os
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from annotation.errors import AnnotationError

SECRET_NAME, ORGANISERS_NAME = "AGL_ORGANISER_SECRET", "AGL_ORGANISERS"
FILE_NAME = "organiser-secret"
SHORTEST = 12  # characters of a secret that a person chose
SESSION_S = 12 * 3600
MOST_FAILURES, WINDOW_S = 10, 60
MOST_FAILURES_OF_ALL = 200  # in the same time
IDENTITY = re.compile(r"[0-9a-f]{24}")
OAUTH = ("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")  # of a Space with hf_oauth


class NotAuthorised(AnnotationError):
    """No organiser's session, a wrong secret, or too many wrong ones."""


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


class Authority:
    """Turns the secret into sessions and tells which sessions are good."""

    def __init__(
        self, secret: str, names: frozenset[str] = frozenset(), clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``names``: `sub` or user names of Hugging Face accounts that may enter by logging in."""
        self._secret, self.names, self._clock = _digest(secret), names, clock
        self._sessions: dict[bytes, float] = {}  # hash of the token -> when it ends
        self._failures: deque[tuple[float, str]] = deque(maxlen=MOST_FAILURES_OF_ALL)  # when, and whose
        self._lock = threading.Lock()

    def unlock(self, secret: object, visitor: str = "") -> str:
        """A session for the right secret, compared in constant time. ``visitor``: see `app.access.limits`. Raises NotAuthorised."""
        with self._lock:
            now = self._clock()
            typed = secret.strip() if isinstance(secret, str) else ""
            # First, whatever came before: else whoever guesses wrong often enough locks the organiser out.
            if hmac.compare_digest(_digest(typed), self._secret):
                return self._new_session(now)
            recent = [whose for when, whose in self._failures if now - when < WINDOW_S]
            self._failures.append((now, visitor))
            if recent.count(visitor) >= MOST_FAILURES or len(recent) >= MOST_FAILURES_OF_ALL:
                raise NotAuthorised(
                    f"There were {MOST_FAILURES} wrong attempts within a minute; wait a minute.",
                    "too_many",
                    count=MOST_FAILURES,
                )
            raise NotAuthorised(
                "This is not the organiser's secret; it stands where the program was started.", "wrong_secret"
            )

    def unlock_profile(self, profile: Mapping[str, Any] | None) -> str:
        """A session for a logged-in account of the list. Raises NotAuthorised."""
        if not profile or not any(self._named(profile, name) for name in self.names):
            raise NotAuthorised(
                "This account is not one of the organisers; log in with another, or use the secret.", "wrong_account"
            )
        with self._lock:
            return self._new_session(self._clock())

    def _named(self, profile: Mapping[str, Any], name: str) -> bool:
        return bool(profile.get("sub" if IDENTITY.fullmatch(name) else "preferred_username") == name)

    def _new_session(self, now: float) -> str:
        self._sessions = {key: ends for key, ends in self._sessions.items() if ends > now}
        token = secrets.token_urlsafe(32)
        self._sessions[_digest(token)] = now + SESSION_S
        return token

    def require(self, session: object) -> None:
        """Raises NotAuthorised unless ``session`` is one that was given out and has not ended."""
        if not self.knows(session):
            raise NotAuthorised("This is for organisers; enter the secret first.", "enter_first")

    def knows(self, session: object) -> bool:
        """Whether ``session`` is one that was given out and has not ended."""
        with self._lock:
            ends = self._sessions.get(_digest(session), 0.0) if isinstance(session, str) and session else 0.0
            return ends > self._clock()

    def leave(self, session: object) -> None:
        """Ends a session; unknown ones are passed over."""
        with self._lock:
            self._sessions.pop(_digest(session) if isinstance(session, str) else b"", None)


def open_authority(data: Path, environment: Mapping[str, str] = os.environ) -> tuple[Authority, str | None]:
    """The authority, and the secret if it was made just now, to be shown once on the console.

    The secret comes from AGL_ORGANISER_SECRET, else from a file in ``data`` that only its owner can read, made at the
    first start. Names of accounts are taken on a Space with ``hf_oauth`` alone.
    Raises NotAuthorised for a secret that is too short, OSError if the file cannot be written.
    """
    names: frozenset[str] = frozenset()
    if environment.get("SYSTEM") == "spaces" and all(environment.get(name) for name in OAUTH):
        names = frozenset(filter(None, (name.strip() for name in environment.get(ORGANISERS_NAME, "").split(","))))
    named = environment.get(SECRET_NAME)
    if named is not None:
        if len(named.strip()) < SHORTEST:
            raise NotAuthorised(
                f"{SECRET_NAME} has {len(named.strip())} characters; give at least {SHORTEST}, or unset it and a secret "
                "is made."
            )
        return Authority(named.strip(), names), None
    path = data / FILE_NAME
    fresh = secrets.token_urlsafe(24)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(fresh + "\n")
        return Authority(fresh, names), fresh
    except FileExistsError:
        path.chmod(0o600)
        stored = path.read_text(encoding="utf-8").strip()
        if len(stored) < SHORTEST:
            raise NotAuthorised(
                f"'{path}' holds no secret of {SHORTEST} characters; delete it and start again."
            ) from None
        return Authority(stored, names), None
