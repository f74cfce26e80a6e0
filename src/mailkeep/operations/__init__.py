"""One function per thing a person can do. Pages and commands translate; every write is in a function here.

Operations wire the ports of the engines to what implements them, declare the jobs, and record every change for the
organisation's history in the transaction that makes it.
"""
