"""The command lines: what is asked for, and how the answer is shown. What they do is in the modules beside."""
