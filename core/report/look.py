"""How reports look, on light and dark ground: fonts for every script, colours that colour-blind eyes tell apart."""

FONT = "system-ui, 'Noto Sans', 'Noto Sans Arabic', 'Noto Sans CJK SC', 'Noto Sans Devanagari', sans-serif"
LOOK = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 FONT; max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; margin-top: 3rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } h3 { font-size: 1rem; margin-bottom: .3rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; font-size: .9rem; }
dt { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; } .note { font-size: .85rem; opacity: .75; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid rgba(128,128,128,.3); text-align: end; white-space: nowrap; vertical-align: top; }
tr > :first-child { position: sticky; inset-inline-start: 0; background: Canvas; } h3::first-letter { text-transform: uppercase; }
thead th { border-bottom-width: 2px; } th.text, td.text { text-align: start; } tbody th { font-weight: normal; }
:is(.xtick text, .ytick text, .legendtext, .gtitle, .xtitle, .ytitle) { fill: CanvasText !important; }
figure { margin: .5rem 0 1.2rem; } figcaption { font-weight: 600; }
.line { display: grid; grid-template-columns: minmax(8rem, 38%) 1fr; gap: .6rem; align-items: center; font-size: .85rem; }
.axis { position: relative; height: 1.4rem; }
.axis i { position: absolute; top: 0; bottom: 0; width: 1px; background: rgba(128,128,128,.3); }
.axis b { position: absolute; top: .62rem; height: .16rem; background: #0072B2; }
.axis u { position: absolute; top: .4rem; width: .6rem; height: .6rem; margin-left: -.3rem; border-radius: 50%; background: #0072B2; }
.axis s { position: absolute; font-size: .7rem; text-decoration: none; transform: translateX(-50%); opacity: .75; }
.stack { display: flex; height: 1.1rem; direction: ltr; }
.stack i { display: block; font-style: normal; font-size: .7rem; text-align: center; overflow: hidden; color: #111; }
""".replace("FONT", FONT)
# Five steps from orange to blue, safe for colour-blind eyes (after ColorBrewer's PuOr).
SHADES = ("#E66101", "#FDB863", "#D9D9D9", "#B2C7E3", "#5E8FC9")
