"""From records to Markdown, LaTeX and interactive figures. ``schema`` says what a record may bring."""
