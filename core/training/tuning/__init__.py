"""Tuning the language model's answers: an adapter or a soft prompt learns under contexts that a strategy chose, with labels or without.

``config`` holds the settings; ``rows`` says which query is asked under which context at which step; ``loop`` trains and measures;
``result`` writes what inference takes up. The choice of demonstrations stays as it was: vectors are those of the weights before.
"""
