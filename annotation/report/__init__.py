"""From the data of a study to what people read: a record of results, and its renderings as HTML, LaTeX, Markdown."""
