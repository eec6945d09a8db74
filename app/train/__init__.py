"""The Train tab: closed loops started, watched and opened."""
