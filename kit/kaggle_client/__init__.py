"""All access to Kaggle: the official client with timeouts, retries, clear errors and no double submission.

Each attempt runs in its own process (`worker`), which is killed at its deadline: the official client has no
timeouts, prints secrets, and authenticates on import.
"""

from kit.kaggle_client.api import Limits, Submission, create, download, get, limits, submissions, upload
from kit.kaggle_client.credentials import has_credentials, no_credentials, unusable, usable
from kit.kaggle_client.errors import UnknownOutcomeError, until_midnight

__all__ = [
    "Limits",
    "Submission",
    "UnknownOutcomeError",
    "create",
    "download",
    "get",
    "has_credentials",
    "limits",
    "no_credentials",
    "submissions",
    "until_midnight",
    "unusable",
    "upload",
    "usable",
]
