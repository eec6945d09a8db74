"""The rating page: what raters see, apart from the rest of the app."""
