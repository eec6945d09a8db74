"""A cold start that shows itself: until the app is there, its port answers "waking up", and the page opens by itself.

Loading takes seconds to minutes, and a rater who follows her link meanwhile would find nothing. Light on purpose: it answers before
anything heavy is imported. Everything gets status 503, which says to come again; the raters' page knows it and keeps what was not sent.
"""

import json
import re
import threading
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from app.texts import rater_languages, rater_words

AGAIN_S = 3
MOST_BYTES = 65_536
_SCRIPT = (
    "setInterval(async()=>{try{const r=await fetch(location.href,{cache:'no-store'});"
    f"if(r.status!==503)location.reload()}}catch{{}}}},{AGAIN_S * 1000})"
)
_STYLE = "body{font:18px/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem}:root{color-scheme:light dark}"


class StartupPage:
    """Answers on the app's address until it is stopped."""

    def __init__(self, host: str, port: int) -> None:
        """Takes the address at once. Raises ``OSError`` when it cannot be had."""
        startup_page = self
        self.key = "waking.up"  # of the message on the page

        class Handler(BaseHTTPRequestHandler):
            timeout = 10  # seconds for one request, so that a slow one holds a thread no longer

            def do_GET(self) -> None:
                self._reply("text/html; charset=utf-8", startup_page.page(self.headers.get("accept-language", "")))

            def do_POST(self) -> None:
                sent = self.headers.get("content-length", "0")
                self.rfile.read(min(MOST_BYTES, int(sent) if sent.isdigit() else 0))
                body = {"error": "unavailable", "message": rater_words("en")(startup_page.key)}
                self._reply("application/json", json.dumps(body))

            def _reply(self, kind: str, text: str) -> None:
                content = text.encode()
                self.send_response(503)
                for name, value in (
                    ("Content-Type", kind),
                    ("Content-Length", str(len(content))),
                    ("Retry-After", str(AGAIN_S)),
                    ("Cache-Control", "no-store"),
                    ("Connection", "close"),
                ):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Addresses of visitors are nobody's business."""

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A visitor who leaves is no error of ours."""

        self._server = Quiet((host, port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def closed(self) -> None:
        """From now on it says that ratings are closed, and that the organiser has to look."""
        self.key = "waking.closed"

    def page(self, accepted: str) -> str:
        """The page in the first language of an Accept-Language header that raters' words are there for."""
        known = {texts.tag for texts in rater_languages()}
        tags = re.findall(r"([A-Za-z]{2,3})(?:-[A-Za-z0-9-]+)?(?:;[^,]*)?(?:,|$)", accepted[:400])
        texts = rater_words(next((tag.lower() for tag in tags if tag.lower() in known), "en"))
        return (
            f'<!doctype html><html lang="{texts.tag}" dir="{texts.direction}"><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width"><title>AGL</title><style>{_STYLE}</style>'
            f'<noscript><meta http-equiv="refresh" content="{AGAIN_S}"></noscript>'
            f'<p role="status">{escape(texts(self.key))}</p><script>{_SCRIPT}</script></html>'
        )

    def wait(self) -> None:
        """Until somebody ends the program."""
        self._thread.join()

    def stop(self) -> None:
        """Gives the address back. Harmless when repeated."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
