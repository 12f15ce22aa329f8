"""What runs in Lambda: entry points over a store over a pure domain and its mechanics. This folder is shipped whole."""
