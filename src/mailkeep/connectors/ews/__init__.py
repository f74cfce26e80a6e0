"""Exchange on-premises over Exchange Web Services (EWS): 2013 SP1 to Subscription Edition, and what speaks EWS beside it."""
