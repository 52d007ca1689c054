"""The documentation site: every page is in its menu, links and images lead somewhere, and nothing warns."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS, CONFIG = ROOT / "docs", ROOT / "docs" / "site" / "mkdocs.yml"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted((DOCS / "api").glob("*.md"))]
PICTURES = ("imagination.gif", *(f"tutorial_{use}.png" for use in ("predict", "plan", "imagine", "evaluate")))
MOST_BYTES = 1_000_000


def dead_links(text: str, folder: Path) -> list[str]:
    """Relative targets of links and images that are not there."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", prose)
    local = [target.partition("#")[0] for target in targets if not re.match(r"https?:|#", target)]
    return [target for target in local if not (folder / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_and_images_lead_somewhere(page: Path) -> None:
    assert not dead_links(page.read_text(), page.parent)


def test_a_dead_link_is_noticed() -> None:
    text = "[a](nowhere.md#x) ![b](images/imagination.gif) [c](https://x.org) `[d](e)`"
    assert dead_links(text, DOCS) == ["nowhere.md"]


def test_every_page_is_in_the_menu() -> None:
    named = set(re.findall(r": ([\w/]+\.md)$", CONFIG.read_text(), re.MULTILINE))
    assert named == {page.relative_to(DOCS).as_posix() for page in PAGES[1:]}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_small(name: str) -> None:
    assert (DOCS / "images" / name).stat().st_size <= MOST_BYTES


def test_the_reference_has_every_public_package() -> None:
    shown = set(re.findall(r"^::: (\S+)$", "\n".join(page.read_text() for page in PAGES), re.MULTILINE))
    public = {
        "gaussian",
        "models",
        "data",
        "training",
        "planners",
        "metrics",
        "reporting",
        "export",
        "sharing",
        "pretrained",
        "envs",
        "agents",
    }
    assert {f"mbrl_mts3.{name}" for name in public} <= shown


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="the site needs the extra docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", str(CONFIG)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        [*command, "--site-dir", str(tmp_path)], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "api" / "planners" / "index.html").read_text()
    assert 'id="mbrl_mts3.planners.ICEM"' in page
    assert "fonts.googleapis" not in page
