"""The words behind a command: overrides of options, and Hydra's flags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString

from mbrl_mts3.errors import ConfigurationError

VERSION = "--version"


@dataclass(frozen=True)
class Arguments:
    """What stands on a command line."""

    overrides: tuple[str, ...] = ()
    """Such as "model=gru", "+x=1" or "~x"."""
    folder: Path | None = None
    """Of the user's own YAML files, of --config-dir."""
    config_name: str | None = None
    """The YAML that is taken in place of the command's own, of --config-name."""
    help: bool = False
    runs: bool = True
    """Whether the command does its work, and does not only print or go on from Hydra's own files."""

    @classmethod
    def read(cls, words: Sequence[str]) -> Arguments:
        """Read them as Hydra does, so that values of flags are not taken for overrides.

        Raises:
            ConfigurationError: the folder of --config-dir does not exist.
            SystemExit: a flag has a value that Hydra does not know.
        """
        found, _ = get_args_parser().parse_known_args([word for word in words if word != VERSION])
        folder = None if found.config_dir is None else Path(found.config_dir)
        if folder is not None and not folder.is_dir():
            raise ConfigurationError(f"--config-dir {folder} is no folder: name one that holds YAML files of yours")
        other = found.cfg, found.info, found.config_path, found.experimental_rerun
        return cls(
            tuple(found.overrides),
            folder,
            found.config_name,
            help=found.help,
            runs=not any((found.help, found.hydra_help, found.shell_completion)) and other == (None,) * len(other),
        )

    def of_first_run(self) -> list[str]:
        """The overrides of a sweep's first run; those whose values cannot be listed are left out."""
        single, parsed = [], OverridesParser.create().parse_overrides(list(self.overrides))
        for word, item in zip(self.overrides, parsed, strict=True):
            if not item.is_sweep_override():
                single.append(word)
            elif item.is_discrete_sweep() and "glob(" not in word:
                first = next(iter(item.sweep_iterator()))
                text = first.with_quotes() if isinstance(first, QuotedString) else str(first)
                single.append(f"{item.get_key_element()}={text}")
        return single


def override_key(override: str) -> str:
    """The option or the group that an override changes: "model" of "+model@other=gru"."""
    return override.partition("=")[0].lstrip("+~").partition("@")[0]
