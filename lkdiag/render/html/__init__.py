"""The report as one HTML file, to be attached to an issue or a mail: it needs no network and no JavaScript.

The charts are inline SVG written here. Plotly, Bokeh and Vega-Altair draw with JavaScript, megabytes of it, and show
nothing with it switched off; matplotlib, with NumPy, is several times the size of everything else that lkdiag
installs, and its pictures have a fixed width and neither follow a dark page nor stay readable on a phone. What is left
to write, axes over a linear or logarithmic scale, is short. Escaping and closing of tags are left to the standard
library's `xml.etree`, which builds the page as a tree.
"""

from __future__ import annotations

from lkdiag.render.html.page import render

__all__ = ["render"]
