"""The job engine: Procrastinate, and what we add to it. Nothing of mail.

queue     declare a job, put one into the queue (in the transaction at hand), who is alive
upkeep    what dead workers held: put back, or dropped
worker    run jobs until told to stop
"""
