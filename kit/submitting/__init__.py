"""The submission file, the ledger, and sending the one by way of the other."""
