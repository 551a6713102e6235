"""The one door to Kaggle: a wrapper around the official client that does not hang, lie or spend quota twice.

Each attempt at a call runs in a process of its own (`worker`), ended at its deadline: the client has no
timeouts, prints what it should not, and authenticates as it is imported.
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
