"""The commands, a module for each word that follows `ledger`."""
