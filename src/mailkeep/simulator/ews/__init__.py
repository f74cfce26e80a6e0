"""The simulated organisation's EWS face: SOAP over HTTPS, as Exchange speaks it."""
