"""Many events at once: out of a store into files, and from such files into an empty store."""
