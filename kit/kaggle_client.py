"""The one door to Kaggle."""

from pathlib import Path

from kit.kaggle_errors import has_credentials

__all__ = ["download", "has_credentials"]


def download(slug: str, folder: Path, *, timeout: float) -> Path:
    """Download all files of competition `slug` as one zip into `folder`, and check it.

    Args:
        slug: the competition's name in its address.
        folder: an existing folder; nothing is left there but the whole file, or nothing at all.
        timeout: seconds after which an attempt is cut; the next goes on where it stopped.

    Returns:
        The zip file, `<slug>.zip` in `folder`.

    Raises:
        UserError: no or wrong credentials, the competition's rules not accepted, no such competition.
        KitError: the network, a passing fault after the last attempt, a web page instead of the file.
    """
    raise NotImplementedError(slug, folder, timeout)
