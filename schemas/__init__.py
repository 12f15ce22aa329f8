"""The events' schemas: `<EventType>/<version>.json`, the one source of what an event holds, and what is made of them.

`python -m schemas` checks them, generates the handlers' code and the catalog from them, and scaffolds new ones. The
Pulumi program reads and checks them too, with the standard library alone.
"""
