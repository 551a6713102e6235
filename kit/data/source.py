"""Decide where the data comes from, download it if needed, and open it."""

from pathlib import Path

from kit.config import Config
from kit.data import layout, obtain
from kit.data.dataset import Dataset, check_folder, open_folder


def load(config: Config) -> Dataset:
    """Open the competition's data.

    The first source that has it counts: the data directory, /kaggle/input, Kaggle (with credentials), the
    bundled sample. If the configuration names a data directory, no other source is used.

    Raises:
        UserError: a file is missing or wrong (which, and where), or Kaggle refuses the download.
    """
    folder = layout.local_folder(config) or _downloaded(config) or layout.bundled_sample(config)
    dataset = open_folder(folder, config)
    check_folder(folder, dataset)
    return dataset


def _downloaded(config: Config) -> Path | None:
    from kit.kaggle_client import has_credentials

    if not has_credentials():
        return None
    obtain.fetch(config, "kaggle")
    return Path(config.data.directory)
