"""Learning from a bank of scores: what a frozen language model says under many demonstrations is asked once and learnt from often.

``store`` keeps label scores on disk; ``build`` chooses candidates for every query and has them scored; ``targets`` turns scores into
rewards, with and without labels; ``objectives`` holds the losses; ``fit`` trains the policy.

Shapes: Q queries, M candidates of a query, N examples of the pool, L labels, H hidden size, D dimensions, K demonstrations.
"""
