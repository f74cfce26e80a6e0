"""The simulated Exchange organisation: people, mailboxes, folders, items, their changes, rights. Of no face: EWS today, Graph to come."""
