"""How much one visitor may ask for, without keeping who she is.

An address is turned at once into a hash under a key that this process made at random, that is written nowhere and changes
every day; the hash lies in memory and is gone when its allowance has filled up again. IPv6 addresses count by /64, which one
household has. An allowance is a bucket: ``burst`` at once, and ``per_minute`` again.
"""

import hashlib
import hmac
import ipaddress
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.access.settings import AccessError

DAY_S = 24 * 3600
MOST_KEPT = 20_000  # buckets; the fullest go first, who asks little is known least


class TooMany(AccessError):
    """The visitor asked for more than her allowance."""


@dataclass(frozen=True)
class Rule:
    """An allowance."""

    burst: int
    per_minute: float


RULES: Mapping[str, Rule] = {
    "explore": Rule(30, 20),  # questions to the model
    "files": Rule(20, 6),  # uploads, and files written for download
    "send": Rule(20, 10),  # outputs put into Rate
    "rater": Rule(10, 3),  # new raters of the page Rate
    "save": Rule(60, 60),  # ratings of the page Rate
    "secret": Rule(10, 10),  # passwords and secrets tried
    "request": Rule(600, 1200),  # any request to Gradio
    "rate": Rule(1200, 6000),  # requests of the raters' page by address: a class may sit behind one
    "token": Rule(60, 240),  # the same by rater
}


class Limits:
    """Allowances of all visitors. ``active=False`` allows everything, for a person alone with her machine."""

    def __init__(
        self, active: bool = True, rules: Mapping[str, Rule] = RULES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.active, self._rules, self._clock = active, rules, clock
        self._key, self._made = secrets.token_bytes(32), clock()
        self._left: dict[tuple[str, bytes], tuple[float, float]] = {}  # what is left, and when it was so
        self._lock = threading.Lock()

    def visitor(self, request: Any, behind_proxy: bool = False) -> str:
        """A name for whoever sent a request (of Starlette or Gradio), good until tomorrow and in this process."""
        client = getattr(request, "client", None)
        peer = getattr(client, "host", "") or ""
        return self.name(address_of(peer, request.headers.get("x-forwarded-for") if behind_proxy else None))

    def name(self, known: str) -> str:
        """A name for something that must not be kept: an address, a token."""
        now = self._clock()
        with self._lock:
            if now - self._made > DAY_S:
                self._key, self._made = secrets.token_bytes(32), now
                self._left.clear()
            return hmac.new(self._key, known.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]

    def take(self, kind: str, visitor: str) -> None:
        """Take one of an allowance. Raises ``TooMany``, which says how long to wait."""
        if not self.active:
            return
        rule, now = self._rules[kind], self._clock()
        place = (kind, bytes.fromhex(visitor))
        with self._lock:
            left, then = self._left.get(place, (float(rule.burst), now))
            left = min(float(rule.burst), left + (now - then) * rule.per_minute / 60)
            if left < 1:
                seconds = int((1 - left) * 60 / rule.per_minute) + 1
                raise TooMany(f"That was more than one visitor may ask for at once; try again in {seconds} s.")
            self._left[place] = (left - 1, now)
            if len(self._left) > MOST_KEPT:
                self._forget(now)

    def _forget(self, now: float) -> None:
        """Drop full buckets, which say nothing, and if that is not enough the fullest."""

        def missing(entry: tuple[tuple[str, bytes], tuple[float, float]]) -> float:
            (kind, _), (left, then) = entry
            rule = self._rules[kind]
            return (rule.burst - left - (now - then) * rule.per_minute / 60) / rule.burst

        emptiest = sorted(self._left.items(), key=missing, reverse=True)[: MOST_KEPT // 2]
        self._left = {place: state for place, state in emptiest if missing((place, state)) > 0}


def address_of(peer: str, forwarded: str | None) -> str:
    """The address a visitor counts by. Of a proxy's header the last public one counts: those before it anybody can invent."""
    known = _address(peer)
    if forwarded and known is not None and not known.is_global:
        for part in reversed(forwarded.split(",")[-20:]):
            found = _address(part.strip())
            if found is not None and found.is_global:
                known = found
                break
    if known is None:
        return peer
    return str(ipaddress.ip_network((known, 64), strict=False)) if known.version == 6 else str(known)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
