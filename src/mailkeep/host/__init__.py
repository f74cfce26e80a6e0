"""One machine's side of Mailkeep: its home folder and lock, the embedded database, the processes behind `serve`."""
