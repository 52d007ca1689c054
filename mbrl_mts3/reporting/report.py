"""A report page as one self-contained HTML file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import jinja2
from matplotlib.figure import Figure

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.files import write_atomically
from mbrl_mts3.reporting.style import png_bytes

_SIGNATURES = {b"\x89PNG": "image/png", b"GIF8": "image/gif", b"\xff\xd8": "image/jpeg"}


class Report:
    """HTML page that is built block by block; `html` and `write` may be called at any time.

    All text is escaped: names of data sets or observations cannot break the page.

    Args:
        title: of the page.
        subtitle: one sentence below it.
    """

    def __init__(self, title: str, subtitle: str = "") -> None:
        self.title = title
        self.subtitle = subtitle
        self._blocks: list[dict[str, Any]] = []

    def add_heading(self, text: str) -> Self:
        """Start a section."""
        return self._add("heading", text=text)

    def add_text(self, text: str) -> Self:
        """Add a paragraph."""
        return self._add("text", text=text)

    def add_key_numbers(self, numbers: Sequence[tuple[str, str, str]]) -> Self:
        """Add large numbers side by side, each as (label, number, remark)."""
        return self._add("numbers", numbers=list(numbers))

    def add_table(
        self, header: Sequence[str], rows: Sequence[Sequence[str]], caption: str, *, words: bool = False
    ) -> Self:
        """Add a table whose first column names the rows; `words`, as tables of two columns, are aligned to the left.

        Raises:
            ConfigurationError: a row does not have as many cells as the header.
        """
        for row in rows:
            if len(row) != len(header):
                raise ConfigurationError(
                    f"a table with the {len(header)} columns {list(header)} got {len(row)} cells in the row {list(row)}"
                )
        shown = {"header": list(header), "rows": [list(row) for row in rows], "caption": caption}
        return self._add("table", **shown, words=words or len(header) == 2)

    def add_figure(self, image: Figure | bytes | Path, title: str, caption: str) -> Self:
        """Add a figure: a matplotlib figure, or a PNG, GIF or JPEG as bytes or file; `caption` describes what it shows.

        Raises:
            ConfigurationError: the bytes are none of these formats.
        """
        content = png_bytes(image) if isinstance(image, Figure) else image
        content = content.read_bytes() if isinstance(content, Path) else content
        kind = next((kind for signature, kind in _SIGNATURES.items() if content.startswith(signature)), None)
        if kind is None:
            raise ConfigurationError(f"{title!r} is no PNG, GIF or JPEG: it starts with {content[:8]!r}")
        source = f"data:{kind};base64,{base64.b64encode(content).decode()}"
        return self._add("figure", source=source, title=title, caption=caption)

    def html(self) -> str:
        """The page as HTML."""
        template = files("mbrl_mts3.reporting").joinpath("report.html.jinja").read_text(encoding="utf-8")
        environment = jinja2.Environment(
            autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        return environment.from_string(template).render(title=self.title, subtitle=self.subtitle, blocks=self._blocks)

    def write(self, path: str | Path) -> Path:
        """Write the page, complete or not at all; missing folders are created."""
        return write_atomically(path, self.html().encode("utf-8"))

    def _add(self, kind: str, **content: Any) -> Self:
        self._blocks.append({"kind": kind, **content})
        return self
