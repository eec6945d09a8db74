"""The password page, and the cookie that shows that somebody passed it.

The cookie is a date signed with a key made from the password. So it survives a restart, every process of one server knows it,
and another password ends all of them. Nothing is stored anywhere.
"""

import hashlib
import hmac
import time
from collections.abc import Callable
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from app.access.limits import Limits, TooMany
from app.texts import available, catalogue, preferred

COOKIE = "agl-door"  # as it was first called: another name would end what people entered
GOOD_S = 7 * 24 * 3600
FIELD = "password"
STYLE = (
    "body{font:1rem/1.5 system-ui,'Noto Sans',sans-serif;max-width:24rem;margin:15vh auto;padding:0 1rem}"
    "input,button{font:inherit;padding:.5rem .8rem;width:100%;box-sizing:border-box;margin:.4rem 0}"
    ":root{color-scheme:light dark}.error{color:#b00020}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#eee}.error{color:#ff8a80}}"
)


class PasswordPage:
    """Knows the password; everything but raters' links passes here."""

    def __init__(
        self, password: str, limits: Limits, framed: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        """``framed``: the app is shown in another site's frame, where only a cookie without SameSite is sent."""
        self._password = password.encode("utf-8", "surrogatepass")
        self._key = hashlib.sha256(b"agl door " + self._password).digest()
        self._limits, self._framed, self._clock = limits, framed, clock

    def passed(self, request: Request) -> bool:
        """Whether the request carries a cookie of this page that is good still."""
        ends, _, signature = request.cookies.get(COOKIE, "").partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(ends).encode()):
            return False
        return int(ends) > self._clock()

    def page(self, request: Request, note: str = "", status: int = 200) -> Response:
        """The form, in the browser's language; for a program one sentence."""
        texts = catalogue(preferred(request.headers.get("accept-language", ""), available()))
        if "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"error": "password", "message": "This server asks for a password."}, 401)
        error = f'<p class="error" role="alert">{escape(note)}</p>' if note else ""
        html = (
            f'<!doctype html><html lang="{texts.tag}" dir="{texts.direction}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
            f"<title>AGL</title><style>{STYLE}</style></head><body><main><h1>AGL</h1><p>{escape(texts('password.lead'))}</p>"
            f'<form method="post">{error}<label>{escape(texts("password.password"))}'
            f'<input type="password" name="{FIELD}" autocomplete="current-password" required autofocus></label>'
            f"<button>{escape(texts('password.enter'))}</button></form><p>{escape(texts('password.raters'))}</p></main></body></html>"
        )
        return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})

    async def enter(self, request: Request, visitor: str) -> Response:
        """Answer to the form: back to the same address with the cookie, or the form again."""
        texts = catalogue(preferred(request.headers.get("accept-language", ""), available()))
        typed = parse_qs((await request.body()).decode("utf-8", "replace")).get(FIELD, [""])[0].strip()
        # The right one passes first: else wrong ones, sent from the same address, would lock out who knows it.
        if not hmac.compare_digest(typed.encode("utf-8", "surrogatepass"), self._password):
            try:
                self._limits.take("secret", visitor)
            except TooMany as error:
                return self.page(request, str(error), 429)
            return self.page(request, texts("password.wrong"), 403)
        back = RedirectResponse(f"?{request.url.query}" if request.url.query else ".", 303)
        secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "").split(",")[0].strip())
        kind = "; SameSite=None; Partitioned" if secure and self._framed else "; SameSite=Lax"
        ends = str(int(self._clock()) + GOOD_S)
        back.headers["Set-Cookie"] = (
            f"{COOKIE}={ends}.{self._sign(ends)}; Path=/; Max-Age={GOOD_S}; HttpOnly{'; Secure' if secure else ''}{kind}"
        )
        return back

    def _sign(self, ends: str) -> str:
        return hmac.new(self._key, ends.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
