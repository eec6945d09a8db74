"""Pure functions from records to HTML, tables and figures. No gradio, no state; every text of people or models is escaped."""
