"""Who comes in, and what strangers may do: password, limits, origins, sizes. Raters' links need none of it but the limits."""
