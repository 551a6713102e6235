"""Decide where the data comes from, download it if needed, and open it."""

from pathlib import Path

from kit.config import Config, validate
from kit.data import layout, obtain
from kit.data.dataset import Dataset, check_folder, open_folder
from kit.data.progress import Stage, ignore
from kit.errors import UserError
from kit.records import RunRecord
from kit.task.task import check_metric


def load(config: Config, stage: Stage = ignore) -> Dataset:
    """Open the competition's data.

    The first source that has it counts: the data directory, /kaggle/input, Kaggle (with credentials), the
    bundled sample. If the configuration names a data directory, no other source is used.

    Args:
        config: names the data directory and describes the files.
        stage: receives what takes time, as in "reading train.csv and test.csv in data/".

    Raises:
        UserError: a file is missing or wrong (which, and where), the metric does not fit, or Kaggle refuses
            the download.
    """
    folder = layout.local_folder(config) or _downloaded(config) or layout.bundled_sample(config)
    stage(f"reading {layout.whole(config.competition)} in {folder.name}/")
    dataset = open_folder(folder, config, stage)
    check_folder(folder, config, dataset)
    check_metric(config.competition, dataset.task.labels)
    return dataset


def find_local(record: RunRecord) -> Dataset | None:
    """Return the data that a run was trained on; None if this machine does not have it."""
    try:
        config = validate(record.config)
        folder = layout.SAMPLE if record.sample else layout.local_folder(config)
        dataset = open_folder(folder, config) if folder else None
    except UserError:
        return None
    return dataset if dataset and dataset.fingerprint == record.fingerprint else None


def _downloaded(config: Config) -> Path | None:
    from kit.kaggle_client import has_credentials

    if not has_credentials():
        return None
    obtain.fetch(config, "kaggle")
    return Path(config.data.directory)
