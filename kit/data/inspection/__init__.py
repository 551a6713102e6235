"""Look at a competition's files and conclude what they are: for `kit init`."""

from kit.data.inspection.conclusions import Base, Conclusions, inspect
from kit.data.inspection.findings import Choice, Line, Question, Setting

__all__ = ["Base", "Choice", "Conclusions", "Line", "Question", "Setting", "inspect"]
