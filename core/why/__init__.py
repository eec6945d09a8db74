"""Why these demonstrations: what order, labels and inputs do to an answer, and what the chosen are made of."""
