"""Who is due, who may start, who holds a mailbox: what no job engine has. No Django, no provider's name.

    ports      the rows this needs, implemented by the catalog and, in tests, by memory
    rules      what to do with a due membership, and when it is due again: pure
    tick       one turn of the loop: take back, admit, take leases, queue jobs
    pauses     a server said "not now": how long, and for whom
    loop       a turn a second, until told to stop
    memory     the rows in memory, for simulations

Life of a lease:

    due ──tick──▶ leased, job queued ──worker──▶ started ──finish──▶ gone, next slot stands
                        │                           │
                        └──────── no sign of life ──┴──▶ taken back (its token is worth nothing now), due again at once
"""
