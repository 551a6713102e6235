"""Typed records of a run's and a study's JSON files: versioned, and validated when read."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A part of a JSON file; its values never change after validation. Keys of later versions are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")
