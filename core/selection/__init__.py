"""Selection of demonstrations: the policy, the index of a pool, and strategies."""
