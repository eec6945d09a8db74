"""The raters' page and the tab that leads to it."""
