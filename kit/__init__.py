"""kit: from train.csv to a Kaggle score, with an out-of-fold accuracy that can be trusted."""

__version__ = "0.1.0"
