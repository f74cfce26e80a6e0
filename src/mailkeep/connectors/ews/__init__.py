"""Exchange on-premises over Exchange Web Services (EWS): 2013 SP1 to Subscription Edition, and what speaks EWS beside it.

provider ─▶ opening ─▶ session ─▶ transport            one mailbox, one line (a second one while items are fetched)
              │           └─ backoff, refusals           waits kept by the whole process; what an answer that is no EWS means
              └─ autodiscover, certificate, trial        where EWS is; whom to trust; the connection test
connector ─┬─ hierarchy, listing, checkpoint             folders; what changed since a SyncState, and the proof of it
           ├─ fetching ─▶ whole                          batches; an item with its attachments, occurrences, export stream
           ├─ identifying                                headers, where ids do not last
           └─ creating ─▶ composing, settable, restated, attaching, series        restores
wire/                                                    the codec: bytes to values and back, no I/O
"""
