"""The documents that the directory hands out: the OpenAPI document and the page to read and try it with."""

from pathlib import Path

from services.kernel.errors import unavailable

_PAGE = Path(__file__).with_name("pages") / "docs.html"


class FileDocuments:
    """Satisfies ports.Documents. Reads each file when first asked for it, and the OpenAPI document when it changed."""

    def __init__(self, openapi_file: Path) -> None:
        self._openapi_file = openapi_file
        self._openapi = b""
        self._openapi_changed = -1
        self._page = b""

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
        if not self._page:
            self._page = _PAGE.read_bytes()
        return self._page
