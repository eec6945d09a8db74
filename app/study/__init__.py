"""The organiser's side of studies: who may enter, what she can do, where outputs come from. No gradio."""
