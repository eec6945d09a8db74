"""The Explore tab, and the same for programs."""
