"""What `serve --data DIR` keeps, so that the same AWS is there after a restart, however the one before it ended.

One rule holds for all of it: *what is made again under its name has its contents again*. The program makes its
resources again at each start, under the names that it got the first time; tables then have their items and streams,
queues their messages, log groups their events, archives what they archived, and mappings go on where they were. What
is deleted through its API loses its contents, as on AWS.

- `folder` is DIR itself: one engine at a time, one format, or a sentence that says what is wrong.
- `database` is its SQLite file, written before whatever it holds is acknowledged.
- `tables` and `streams` forward to Amazon's DynamoDB Local, which keeps its own files in DIR.
- `contents` keeps what moto holds in memory otherwise: messages, log events, archived events.
- `names`, `checkpoints` and `pending` are what a restart goes on with.
"""
