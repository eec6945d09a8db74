"""One look for all figures, in reports and in the app: transparent ground, readable fonts for every script, safe colours."""

from typing import Any

import plotly.graph_objects as go

FONT = "system-ui, 'Noto Sans', 'Noto Sans Arabic', 'Noto Sans CJK SC', 'Noto Sans Devanagari', sans-serif"
# Okabe and Ito (2008), safe for colour-blind eyes.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C", "#B8A500")


def style(figure: go.Figure, height: int = 320, **layout: Any) -> go.Figure:
    """The shared look; greys that read on light and dark ground."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 28, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 13, "color": "#7d8590"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hoverlabel={"font": {"family": FONT}},
        **layout,
    )
    grid = {"gridcolor": "rgba(128,128,128,0.18)", "zerolinecolor": "rgba(128,128,128,0.35)", "automargin": True}
    figure.update_xaxes(**grid)
    figure.update_yaxes(**grid)
    return figure
