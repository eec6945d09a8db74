"""The Results tab: ratings of studies, and records of experiments."""
