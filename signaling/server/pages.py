"""The web pages, as the web build left them in the package."""

import re
from pathlib import Path

from aiohttp import web

from signaling.fields import NAME_PATTERN

NAME = re.compile(NAME_PATTERN)
PAGE = "no-cache"
FOR_EVER = "public, max-age=31536000, immutable"
"""The build puts a hash of their content into the names of assets."""

SECURITY = {
    # Streams, origins, introducers may be anywhere, scripts only here; shadow roots have their own styles.
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "worker-src 'self' blob:",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "media-src 'self' blob: http: https:",
            "connect-src 'self' http: https: ws: wss:",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
ANYWHERE = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
"""Scripts that other sites embed."""


class Pages:
    """Serves the folder that the web build writes; what is not there is said honestly."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def routes(self) -> list[web.RouteDef]:
        """Where they answer."""
        return [
            web.get("/", self.index),
            web.get("/watch/{room}", self.watch),
            web.get("/chat/{room}", self.chat),
            web.get("/dashboard", self.dashboard),
            web.get("/braidcast.js", self.script),
            web.get("/assets/{path:.+}", self.asset),
            web.get("/{name:[A-Za-z0-9_-]+\\.(?:js|svg|png|ico|webmanifest|txt)}", self.extra),
        ]

    async def index(self, _request: web.Request) -> web.StreamResponse:
        """The front page."""
        return self._page("index.html")

    async def watch(self, request: web.Request) -> web.StreamResponse:
        """The page of a room."""
        return self._page("watch.html", request.match_info["room"])

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """The chat of a room on its own."""
        return self._page("chat.html", request.match_info["room"])

    async def dashboard(self, _request: web.Request) -> web.StreamResponse:
        """What goes on at this server."""
        return self._page("dashboard.html")

    async def script(self, _request: web.Request) -> web.StreamResponse:
        """The elements, for embedding."""
        return self._file(self._folder / "braidcast.js", PAGE, ANYWHERE)

    async def asset(self, request: web.Request) -> web.StreamResponse:
        """What pages and script load."""
        return self._file(self._folder / "assets" / request.match_info["path"], FOR_EVER, ANYWHERE)

    async def extra(self, request: web.Request) -> web.StreamResponse:
        """Icons and the like, which have no hash in their names."""
        return self._file(self._folder / request.match_info["name"], PAGE, ANYWHERE)

    def _page(self, name: str, room: str | None = None) -> web.StreamResponse:
        if room is not None and not NAME.search(room):
            return sentence(
                404, "A room's name has 1 to 64 letters, digits and . _ ~ -, the first a letter or digit."
            )
        if not self._is_built():
            return sentence(503, "The pages have not been built yet: run `make setup`, then load this again.")
        if not (self._folder / name).is_file():
            return sentence(404, "This page does not exist yet in this version of Braidcast.")
        return self._file(self._folder / name, PAGE, SECURITY)

    def _file(self, path: Path, cache: str, headers: dict[str, str]) -> web.StreamResponse:
        try:
            inside = path.resolve().is_relative_to(self._folder.resolve())
        except (OSError, ValueError):
            inside = False
        if not inside or not path.is_file():
            if not self._is_built():
                return sentence(503, "The web build is missing: run `make setup`, then load this again.")
            return sentence(404, "There is no such file.")
        kind = {"X-Content-Type-Options": "nosniff", "Cache-Control": cache}
        return web.FileResponse(path, headers={**headers, **kind})

    def _is_built(self) -> bool:
        return (self._folder / "braidcast.js").is_file()


def sentence(status: int, text: str) -> web.Response:
    """One sentence for a person."""
    return web.Response(status=status, text=text + "\n", headers={"Cache-Control": "no-store", **SECURITY})
