"""All SQL of the package.

Each function takes a session inside a transaction that the store opens and ends.
"""
