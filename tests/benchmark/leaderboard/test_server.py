"""The server: files of its folder are read, and nothing else is."""

import contextlib
import threading

import pytest

from safegrid.benchmark.leaderboard import server


@contextlib.contextmanager
def served(folder):
    with server.server(folder, 0) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running.server_port
        running.shutdown()


def test_the_server_gives_its_files_and_no_others(tmp_path, answer):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("page")
    (folder / ".hidden").write_text("secret")
    (tmp_path / "outside").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "empty").mkdir()
    with served(folder) as port:
        response, body = answer(port, "/")
        assert response.status == 200 and body == b"page"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        for path in (
            "/../outside",
            "/%2e%2e/outside",
            "/..%2foutside",
            "//etc/passwd",
            "/link",
            "/.hidden",
            "/empty/",
            "/%00",
            "/" + "a" * 5000,
        ):
            response, body = answer(port, path)
            assert response.status == 404 and b"secret" not in body, path
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert answer(port, "/index.html", method)[0].status == 501
        assert answer(port, "/index.html", "HEAD")[1] == b""
    with pytest.raises(ValueError, match=r"has no index\.html"):
        server.server(tmp_path, 0)
