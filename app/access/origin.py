"""Whether a request that changes something was made by the app's own page, or by another site in somebody's browser.

A browser says where a request comes from: Sec-Fetch-Site, which pages cannot set, else Origin, which must name the host asked.
A program sends neither and carries no visitor's cookie, so it passes. After the OWASP cheat sheet on cross-site request forgery.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OWN = frozenset({"same-origin", "none"})


def from_elsewhere(method: str, headers: Mapping[str, str]) -> bool:
    """Whether the request was made by a page of another origin and may change something. Header names in lower case."""
    if method in SAFE:
        return False
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site not in OWN
    if origin is None:
        return False
    asked = {headers.get("host", "").lower(), headers.get("x-forwarded-host", "").split(",")[0].strip().lower()}
    return urlsplit(origin).netloc.lower() not in asked - {""}
