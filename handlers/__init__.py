"""What runs in Lambda: entry points over a store over a pure domain. This folder is shipped whole."""
