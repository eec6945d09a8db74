"""Models: loading and saving, adapters, devices, sentence vectors, generation, trained runs."""
