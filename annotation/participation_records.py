"""Plain frozen records of what comes before a rater's first item and after her last. No SQL, no behaviour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Consent:
    """What a rater agrees to before her first item; a change of the text needs a new version."""

    version: str
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Question:
    """A background question, answered before the first item."""

    key: str
    text: Mapping[str, str]
    kind: Literal["choice", "number", "text"]
    options: Sequence[Mapping[str, str]] = ()  # of a choice; an answer is the index of its option, from 0
    optional: bool = True  # personal questions should be


@dataclass(frozen=True, slots=True)
class Crowd:
    """How raters of a crowd platform come and go; codes reach a rater only after her last item is saved."""

    completion_code: str
    screen_out_code: str | None = None
    parameter: str = "PROLIFIC_PID"  # of the link: her id on the platform
    redirect: str | None = None  # an https address; {code} stands for the code


@dataclass(frozen=True, slots=True)
class Outstanding:
    """What stands between a rater and her first item."""

    consent: Consent | None  # None: she agreed, or nothing is to be agreed to
    questions: Sequence[Question]  # (): she answered, or none are asked


@dataclass(frozen=True, slots=True)
class Completion:
    """What a rater who has finished, or was screened out, takes back to the platform."""

    code: str
    redirect: str | None
    screened_out: bool
