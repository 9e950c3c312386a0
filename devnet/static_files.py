"""A directory on a web server: what anybody does who publishes an archive."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class _Handler(SimpleHTTPRequestHandler):
    """`python -m http.server`, without its lines."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """The address of this directory, on loopback, as long as it is wanted."""
    handler = partial(_Handler, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
