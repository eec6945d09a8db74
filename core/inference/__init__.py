"""Inference: from a query to answers, and what explains them."""
