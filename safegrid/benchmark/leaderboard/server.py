"""HTTP server of `safegrid leaderboard serve`: read-only access to the files of a folder."""

import functools
import http.server
from pathlib import Path
from typing import Any

POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Answers GET and HEAD requests with regular files below a folder."""

    server_version, sys_version = "SafeGrid", ""

    def send_head(self) -> Any:
        """404 for links out of the folder, for hidden files, and for folders without a page."""
        if not self._is_file():
            self.send_error(http.HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def _is_file(self) -> bool:
        """Whether the path is that of a visible regular file below the folder."""
        root, path = Path(self.directory).resolve(), Path(self.translate_path(self.path))
        try:
            path = (path / "index.html" if path.is_dir() else path).resolve()
            inside = path.is_relative_to(root) and path.is_file()
        except (OSError, ValueError):  # not a valid file name
            return False
        return inside and "/." not in f"/{path.relative_to(root)}"

    def end_headers(self) -> None:
        """Adds headers that forbid browsers all requests to other sites."""
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()


def server(folder: Path, port: int, host: str = "127.0.0.1") -> http.server.ThreadingHTTPServer:
    """A server of the files below a folder, to be started with `serve_forever`.

    folder: with index.html
    port: 0 chooses a free one
    host: address of this machine

    ValueError where the folder has no index.html, and where the address is not available.
    """
    if not (folder / "index.html").is_file():
        raise ValueError(f"{str(folder)!r} has no index.html: run safegrid leaderboard build first")
    try:
        handler = functools.partial(Handler, directory=str(folder))
        return http.server.ThreadingHTTPServer((host, port), handler)
    except (OSError, OverflowError) as error:
        raise ValueError(f"{host}:{port} is not available: {error}") from None
