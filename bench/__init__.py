"""What it costs: the ledger beside the recipe, its peers and the least that bare boto3 can do; and what follows.

`python -m bench` measures into results.json and writes the documents; `python -m bench --render` only writes them.
"""
