"""The infrastructure: one component per file, each secure by its defaults and each handing out narrow grants."""
