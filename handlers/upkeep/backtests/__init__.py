"""What a backtest found: operators read it, from their command line and over the HTTP API."""
