"""What strangers may do, read once at the start from flags and the environment.

AGL_PASSWORD        everything but the raters' page asks for it; also ``--password-file FILE``
AGL_PUBLIC          1 where strangers can reach the app though it listens on this machine alone (a proxy); also ``--public``
AGL_OPEN_TRAINING   1 where visitors of a public server may start and stop runs, not only an organiser
AGL_FRAMES          addresses of pages that may show the app in a frame, by spaces (on a Space: the Hub)

Visitors of a public server ask the embedded model and those of AGL_MODELS and AGL_MODEL_SERVER, see `app.explore.models`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from annotation.errors import AnnotationError
from core.errors import CoreError

PASSWORD, PUBLIC = "AGL_PASSWORD", "AGL_PUBLIC"
OPEN_TRAINING, FRAMES = "AGL_OPEN_TRAINING", "AGL_FRAMES"
SHORTEST = 8  # characters of a password
HERE = frozenset({"127.0.0.1", "::1", "localhost"})
HUB = ("https://huggingface.co", "https://*.hf.space")
SWITCH = {"": False, "0": False, "1": True}


class AccessError(CoreError, AnnotationError):
    """Something about access: a setting that cannot be, or a visitor who must wait or may not."""


@dataclass(frozen=True)
class Access:
    """The defaults are those of a person alone with her machine."""

    public: bool = False  # strangers can reach the app
    password: str | None = None
    open_training: bool = False
    frames: tuple[str, ...] = ()  # sources of CSP's frame-ancestors, besides the app itself
    space: bool = False

    @property
    def only_organisers_train(self) -> bool:
        """Whether starting and stopping a run takes an organiser's session."""
        return self.public and not self.open_training


def open_access(
    host: str, public: bool = False, password_file: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Access:
    """The settings of this start; ``host`` is the address listened on. Raises ``AccessError`` in one sentence."""
    space = environment.get("SYSTEM") == "spaces"
    named = environment.get(FRAMES)
    password = _password(environment.get(PASSWORD), password_file)
    reached = public or space or host not in HERE or _switch(environment, PUBLIC)
    return Access(
        public=reached or password is not None,  # who sets a password expects others
        password=password,
        open_training=_switch(environment, OPEN_TRAINING),
        frames=_frames(named) if named is not None else HUB if space else (),
        space=space,
    )


def _switch(environment: Mapping[str, str], name: str) -> bool:
    given = environment.get(name, "").strip()
    if given not in SWITCH:
        raise AccessError(f"{name} is '{given}'; give 1 or 0.")
    return SWITCH[given]


def _password(given: str | None, file: Path | None) -> str | None:
    """The password of the file, else of the environment, which a process list does not show either."""
    said = PASSWORD
    if file is not None:
        said = f"The file '{file}'"
        try:
            given = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise AccessError(f"{said} cannot be read ({error}); give a text file that holds the password.") from None
    if given is None:
        return None
    if len(given.strip()) < SHORTEST:
        raise AccessError(f"{said} holds a password of {len(given.strip())} characters; give at least {SHORTEST}.")
    return given.strip()


def _frames(given: str) -> tuple[str, ...]:
    sources = tuple(given.split())
    wrong = next((one for one in sources if any(sign in one for sign in ";,'\"")), None)
    if wrong is not None:
        raise AccessError(f"{FRAMES} holds {wrong!r}; give addresses such as https://example.org, separated by spaces.")
    return sources
