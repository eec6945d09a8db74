"""Many queries at once: pasted or uploaded, asked under several strategies, and shown with intervals, disagreements and flips."""
