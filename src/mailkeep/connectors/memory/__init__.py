"""The reference connector: a server held in memory, changed by tests behind the client's back, with faults on request."""
