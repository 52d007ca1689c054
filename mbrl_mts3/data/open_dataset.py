"""The one place that knows which formats of data there are, for looking at them as they are stored."""

from __future__ import annotations

from mbrl_mts3.data.minari_reader import open_minari
from mbrl_mts3.data.stored_dataset import StoredDataset


def open_dataset(id_or_path: str, *, download: bool = False) -> StoredDataset:
    """Open a data set to be read one episode at a time, unchecked.

    Args:
        id_or_path: id of a Minari data set, or the folder of one.
        download: fetch the data set if it is not on disk.

    Raises:
        UnknownDatasetError: no such id; the message names the nearest ones on disk.
        DataError: a damaged file, a failed download.
    """
    return open_minari(id_or_path, download=download)
