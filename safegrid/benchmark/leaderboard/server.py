"""`safegrid leaderboard serve`: the files of a folder over HTTP, to be read and nothing else."""

import functools
import http.server
from pathlib import Path
from typing import Any

POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Answers GET and HEAD with plain files below the folder."""

    server_version, sys_version = "SafeGrid", ""

    def send_head(self) -> Any:
        """404 for links that lead out of the folder, for hidden files, and for lists of folders."""
        if not self._is_file():
            self.send_error(http.HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def _is_file(self) -> bool:
        """Whether the path leads to a plain file below the folder."""
        root, path = Path(self.directory).resolve(), Path(self.translate_path(self.path))
        try:
            path = (path / "index.html" if path.is_dir() else path).resolve()
            inside = path.is_relative_to(root) and path.is_file()
        except (OSError, ValueError):  # a name that no file can have
            return False
        return inside and "/." not in f"/{path.relative_to(root)}"

    def end_headers(self) -> None:
        """What a browser may do with it: nothing that leaves the site."""
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()


def server(folder: Path, port: int, host: str = "127.0.0.1") -> http.server.ThreadingHTTPServer:
    """A server of a folder that waits to be run; port 0 takes a free one.

    ValueError where there is no page in the folder, or the address cannot be had.
    """
    if not (folder / "index.html").is_file():
        raise ValueError(f"there is no page in {str(folder)!r}: leaderboard build makes it")
    try:
        handler = functools.partial(Handler, directory=str(folder))
        return http.server.ThreadingHTTPServer((host, port), handler)
    except (OSError, OverflowError) as error:
        raise ValueError(f"{host}:{port} cannot be served: {error}") from None
