"""The documents for people and programs: the OpenAPI document, the page to read and try it with, the dashboard."""

from functools import cache
from pathlib import Path

from services.kernel.errors import unavailable

_PAGES = Path(__file__).with_name("pages")


class FileDocuments:
    """Satisfies ports.Documents. Reads each file when first asked for it, and the OpenAPI document when it changed."""

    def __init__(self, openapi_file: Path) -> None:
        self._openapi_file = openapi_file
        self._openapi = b""
        self._openapi_changed = -1

    def openapi(self) -> bytes:
        try:
            changed = self._openapi_file.stat().st_mtime_ns
            if changed != self._openapi_changed:
                self._openapi = self._openapi_file.read_bytes()
                self._openapi_changed = changed
        except OSError:
            raise unavailable("the OpenAPI document has not been made; `make protos` makes it") from None
        return self._openapi

    def page(self) -> bytes:
        return _page("docs.html")

    def dashboard(self) -> bytes:
        return _page("dashboard.html")


@cache
def _page(name: str) -> bytes:
    return (_PAGES / name).read_bytes()
