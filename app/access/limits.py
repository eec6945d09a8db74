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
MOST_BUCKETS = 20_000  # buckets; the fullest go first, who asks little is known least


class TooMany(AccessError):
    """The visitor asked for more than her allowance."""


@dataclass(frozen=True)
class Rule:
    """An allowance."""

    burst: int
    per_minute: float


RULES: Mapping[str, Rule] = {
    "explore": Rule(30, 20),  # questions to the model
    "batch": Rule(3, 0.2),  # batches of queries, started or gone on with
    "files": Rule(20, 6),  # uploads, and files written for download
    "send": Rule(20, 10),  # outputs put into Rate
    "rater": Rule(10, 3),  # new raters of the page Rate
    "save": Rule(60, 60),  # ratings of the page Rate
    "secret": Rule(10, 10),  # passwords and secrets tried
    "request": Rule(600, 1200),  # any request to Gradio
    "join": Rule(60, 240),  # events put into Gradio's queue, which holds 500 of all visitors
    "rate": Rule(1200, 6000),  # requests of the raters' page by address: a class may sit behind one
    "token": Rule(60, 90),  # the same by rater: an item takes two, and nobody reads and rates 45 a minute
}


class Limits:
    """Allowances of all visitors. ``active=False`` allows everything, for a person alone with her machine."""

    def __init__(
        self, active: bool = True, rules: Mapping[str, Rule] = RULES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.active, self._rules, self._clock = active, {**RULES, **rules}, clock
        self._key, self._made = secrets.token_bytes(32), clock()
        self._left: dict[tuple[str, bytes], tuple[float, float]] = {}  # what is left, and when it was so
        self._allowed: dict[tuple[str, str], float] = {}  # until when
        self._lock = threading.Lock()

    def visitor(self, request: Any, behind_proxy: bool = False) -> str:
        """A name for whoever sent a request (of Starlette or Gradio), good until tomorrow and in this process."""
        client = getattr(request, "client", None)
        peer = getattr(client, "host", "") or ""
        return self.name(address_of(peer, request.headers.get("x-forwarded-for") if behind_proxy else None))

    def name(self, secret: str) -> str:
        """A name for something that must not be kept: an address, a token."""
        now = self._clock()
        with self._lock:
            if now - self._made > DAY_S:
                self._key, self._made = secrets.token_bytes(32), now
                self._left.clear()
            return hmac.new(self._key, secret.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]

    def take(self, kind: str, visitor: str) -> None:
        """Take one of an allowance. Raises ``TooMany``, which says how long to wait."""
        if not self.active:
            return
        rule, now = self._rules[kind], self._clock()
        bucket = (kind, bytes.fromhex(visitor))
        with self._lock:
            left, then = self._left.get(bucket, (float(rule.burst), now))
            left = min(float(rule.burst), left + (now - then) * rule.per_minute / 60)
            if left < 1:
                seconds = int((1 - left) * 60 / rule.per_minute) + 1
                raise TooMany(
                    f"That was more than one visitor may ask for at once; try again in {seconds} s.",
                    "too_often",
                    seconds=seconds,
                )
            self._left[bucket] = (left - 1, now)
            if len(self._left) > MOST_BUCKETS:
                self._forget(now)

    def allow_for(self, name: str, visitor: str, seconds: float) -> None:
        """Let a visitor do something that others may not, for so long."""
        with self._lock:
            now = self._clock()
            self._allowed = {key: ends for key, ends in self._allowed.items() if ends > now}
            self._allowed[name, visitor] = now + seconds

    def has(self, name: str, visitor: str) -> bool:
        """Whether the visitor may do it now."""
        with self._lock:
            return self._allowed.get((name, visitor), 0.0) > self._clock()

    def _forget(self, now: float) -> None:
        """Drop full buckets, which say nothing, and if that is not enough the fullest."""

        def missing(entry: tuple[tuple[str, bytes], tuple[float, float]]) -> float:
            (kind, _), (left, then) = entry
            rule = self._rules[kind]
            return (rule.burst - left - (now - then) * rule.per_minute / 60) / rule.burst

        emptiest = sorted(self._left.items(), key=missing, reverse=True)[: MOST_BUCKETS // 2]
        self._left = {bucket: state for bucket, state in emptiest if missing((bucket, state)) > 0}


def address_of(peer: str, forwarded: str | None) -> str:
    """The address a visitor counts by. Of a proxy's header the last public one counts: those before it anybody can invent."""
    address = _address(peer)
    if forwarded and address is not None and not address.is_global:
        for part in reversed(forwarded.split(",")[-20:]):
            named = _address(part.strip())
            if named is not None and named.is_global:
                address = named
                break
    if address is None:
        return peer
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
