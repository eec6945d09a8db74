"""What strangers may do, read once at the start from flags and the environment.

AGL_PASSWORD        everything but the raters' page asks for it; also ``--password-file FILE``
AGL_PUBLIC          1 where strangers can reach the app though it listens on this machine alone (a proxy); also ``--public``
AGL_OPEN_TRAINING   1 where visitors of a public server may start and stop runs, not only an organiser
AGL_FRAMES          addresses of pages that may show the app in a frame, by spaces (on a Space: the Hub)
AGL_PROXIES         addresses or networks of proxies whose X-Forwarded-For is believed, by spaces; nobody else's is
AGL_HOSTS           names that the app may be asked under, by spaces; without it, a server that listens on this machine alone
                    answers to this machine's names, and any other to all

Visitors of a public server ask the embedded model and those of AGL_MODELS and AGL_MODEL_SERVER, see `app.explore.models`.
"""

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ValidationError, ValidationInfo

from annotation.errors import AnnotationError
from core.errors import CoreError

PASSWORD = "AGL_PASSWORD"  # noqa: S105 - a name
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
    proxies: tuple[str, ...] = ()  # addresses and networks
    hosts: frozenset[str] | None = None  # lower-case names without a port; None: any

    @property
    def only_organisers_train(self) -> bool:
        """Whether starting and stopping a run takes an organiser's session."""
        return self.public and not self.open_training


def _switch(value: Any, info: ValidationInfo) -> bool:
    text = str(value).strip()
    if text not in SWITCH:
        raise ValueError(f"{info.field_name} is '{value}'; give 1 or 0.")
    return SWITCH[text]


def _frames(value: Any, info: ValidationInfo) -> tuple[str, ...]:
    sources = tuple(str(value).split())
    wrong = next((one for one in sources if any(sign in one for sign in ";,'\"")), None)
    if wrong is not None:
        raise ValueError(
            f"{info.field_name} holds {wrong!r}; give addresses such as https://example.org, separated by spaces."
        )
    return sources


def _proxies(value: Any, info: ValidationInfo) -> tuple[str, ...]:
    for one in str(value).split():
        try:
            ipaddress.ip_network(one, strict=False)
        except ValueError:
            raise ValueError(
                f"{info.field_name} holds {one!r}; give addresses or networks such as 127.0.0.1 or 10.0.0.0/8, separated by spaces."
            ) from None
    return tuple(str(value).split())


def _hosts(value: Any, info: ValidationInfo) -> frozenset[str]:
    wrong = next((one for one in str(value).split() if any(sign in one for sign in "/,;'\"")), None)
    if wrong is not None:
        raise ValueError(
            f"{info.field_name} holds {wrong!r}; give names such as ratings.example.org, separated by spaces."
        )
    return frozenset(host_name(one) for one in str(value).split())


class Environment(BaseModel):
    """The settings that come from the environment, each checked in one sentence that names it."""

    AGL_PUBLIC: Annotated[bool, BeforeValidator(_switch)] = False
    AGL_OPEN_TRAINING: Annotated[bool, BeforeValidator(_switch)] = False
    AGL_FRAMES: Annotated[tuple[str, ...], BeforeValidator(_frames)] | None = None
    AGL_PROXIES: Annotated[tuple[str, ...], BeforeValidator(_proxies)] = ()
    AGL_HOSTS: Annotated[frozenset[str], BeforeValidator(_hosts)] = frozenset()


def open_access(
    host: str, public: bool = False, password_file: Path | None = None, environment: Mapping[str, str] = os.environ
) -> Access:
    """The settings of this start; ``host`` is the address listened on. Raises ``AccessError`` in one sentence."""
    try:
        named = Environment.model_validate(
            {name: environment[name] for name in Environment.model_fields if name in environment}
        )
    except ValidationError as error:
        raise AccessError(str(error.errors()[0].get("ctx", {}).get("error", error))) from None
    space = environment.get("SYSTEM") == "spaces"
    password = _password(environment.get(PASSWORD), password_file)
    reached = public or space or host not in HERE or named.AGL_PUBLIC
    default = HUB if space else ()
    return Access(
        public=reached or password is not None,  # who sets a password expects others
        password=password,
        open_training=named.AGL_OPEN_TRAINING,
        frames=named.AGL_FRAMES if named.AGL_FRAMES is not None else default,
        space=space,
        proxies=named.AGL_PROXIES,
        hosts=named.AGL_HOSTS or (None if reached else HERE),
    )


def host_name(header: str) -> str:
    """The name in a Host header, without its port, in lower case."""
    name = header.strip().lower()
    if name.startswith("["):  # an IPv6 address
        return name[1:].partition("]")[0]
    return name.rpartition(":")[0] if name.count(":") == 1 else name


def _password(value: str | None, file: Path | None) -> str | None:
    """The password of the file, else of the environment, which a process list does not show either."""
    source = PASSWORD
    if file is not None:
        source = f"The file '{file}'"
        try:
            value = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise AccessError(f"{source} cannot be read ({error}); give a text file that holds the password.") from None
    if value is None:
        return None
    if len(value.strip()) < SHORTEST:
        raise AccessError(f"{source} holds a password of {len(value.strip())} characters; give at least {SHORTEST}.")
    return value.strip()
