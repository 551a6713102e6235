"""kit: from train.csv to a Kaggle score, with a reliable out-of-fold (OOF) estimate of it."""

__version__ = "0.1.0"
