"""The user's document as pure values and functions: what a task archives, when it runs, and how it is doing."""
