"""The wire: requests to an OpenAI-compatible server with time-outs and retries, every failure one sentence without the key.

Redirects are not followed, so that the key goes nowhere but to the host that was named.
"""

import time
from collections.abc import Callable
from typing import Any

import httpx

from core.errors import ServerUnavailable
from core.served.settings import KEY_NAME, ServedConfig

TRIES = 4
WAIT_S = 0.5  # before the second try; doubles
LONGEST_WAIT_S = 10.0
CONNECT_S = 5.0
_PASSING = {429, 500, 502, 503, 504}
Json = dict[str, Any]


class Refused(ServerUnavailable):
    """The server understood and said no; ``status`` and what it said tell why."""

    def __init__(self, message: str, status: int, said: str) -> None:
        super().__init__(message)
        self.status, self.said = status, said


class ModelServer:
    """One server. May be shared by threads."""

    def __init__(
        self,
        config: ServedConfig,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``transport`` and ``sleep`` stand in for the network and the clock."""
        self.config, self._sleep = config, sleep
        headers = {"Authorization": f"Bearer {config.key}"} if config.key else {}
        self._client = httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(config.timeout, connect=min(CONNECT_S, config.timeout)),
            transport=transport,
            follow_redirects=False,
        )

    def get(self, path: str) -> Any:
        """What stands below the root of the API."""
        return self._ask("GET", f"{self.config.url}/{path}", None)

    def post(self, path: str, body: Json, beside: bool = False) -> Any:
        """The answer to ``body``; ``beside``: next to the API's version folder, where servers keep what OpenAI has not."""
        root = self.config.url.removesuffix("/v1") if beside else self.config.url
        return self._ask("POST", f"{root}/{path}", body)

    def _ask(self, method: str, address: str, body: Json | None) -> Any:
        """Raises ``ServerUnavailable``, or ``Refused`` for an answer that says no."""
        host, wait, why = self.config.host, WAIT_S, ""
        for tried in range(TRIES):
            if tried:
                self._sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT_S)
            try:
                answer = self._client.request(method, address, json=body)
            except httpx.TimeoutException as error:
                connecting = isinstance(error, httpx.ConnectTimeout)
                why = f"did not answer within {CONNECT_S if connecting else self.config.timeout:g} s"
                if not connecting:
                    break  # it is at work or lost; asking again would only add to its work
                continue
            except httpx.TransportError as error:
                why = f"cannot be reached ({type(error).__name__})"
                continue
            if answer.status_code not in _PASSING:
                return self._read(answer)
            why = f"answers {answer.status_code}{self._said(answer)}"
            wait = max(wait, _retry_after(answer))
        raise ServerUnavailable(
            f"The model server at {host} {why}; check that it runs and that the address is right, or try again later."
        )

    def _read(self, answer: httpx.Response) -> Any:
        host, status, said = self.config.host, answer.status_code, self._said(answer)
        if status in (401, 403):
            raise Refused(f"The model server at {host} refuses the key ({status}); set {KEY_NAME}.", status, said)
        if status >= 300:
            raise Refused(f"The model server at {host} says no ({status}{said}).", status, said)
        try:
            return answer.json()
        except ValueError as error:
            raise ServerUnavailable(
                f"The model server at {host} answers something else than JSON; check that the address ends in /v1."
            ) from error

    def _said(self, answer: httpx.Response) -> str:
        """The server's own words, shortened and without the key."""
        try:
            content = answer.json()
            error = content.get("error", content) if isinstance(content, dict) else content
            words = str(error.get("message") or error.get("detail") or "") if isinstance(error, dict) else str(error)
        except ValueError:
            words = ""
        if self.config.key:
            words = words.replace(self.config.key, "…")
        words = " ".join(words.split())[:200]
        return f": {words}" if words else ""


def _retry_after(answer: httpx.Response) -> float:
    try:
        return min(LONGEST_WAIT_S, max(0.0, float(answer.headers.get("retry-after", "0"))))
    except ValueError:
        return 0.0
