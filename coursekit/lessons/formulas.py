"""Formulas for a page that must be readable offline: TeX in Markdown becomes small inline pictures.

matplotlib's own TeX reader draws them, so no script is fetched from anywhere. What it cannot draw stays
as TeX, set as code.
"""

import base64
import functools
import html
import io
import re

# Code is left alone; then display formulas, then formulas in a line.
PIECES = re.compile(
    r"(?P<code>^(?P<fence>```+|~~~+).*?^(?P=fence)|(?P<tick>`+).+?(?P=tick))"
    r"|\$\$(?P<display>.+?)\$\$"
    r"|(?<![\\\w$])\$(?P<inline>[^\s$](?:[^$\n]*[^\s$\\])?)\$(?![\w$])",
    re.DOTALL | re.MULTILINE,
)
POINTS = 12.5  # beside a page's text of 16 pixels
# Spellings that matplotlib does not know, and what it calls the same thing.
SYNONYMS = {
    r"\lVert": r"\|",
    r"\rVert": r"\|",
    r"\lvert": "|",
    r"\rvert": "|",
    r"\tfrac": r"\frac",
    r"\le": r"\leq",
    r"\ge": r"\geq",
    r"\ne": r"\neq",
    r"\implies": r"\Rightarrow",
    r"\iff": r"\Leftrightarrow",
    r"\displaystyle": "",
    r"\textstyle": "",
    **dict.fromkeys((r"\big", r"\Big", r"\bigl", r"\bigr", r"\Bigl", r"\Bigr"), ""),
}


def draw_formulas(markdown: str) -> str:
    """Replace `$...$` and `$$...$$` outside code by pictures whose alt text is the TeX."""
    return PIECES.sub(_replacement, markdown)


def _replacement(match: re.Match) -> str:
    if match["code"]:
        return match[0]
    tex = " ".join((match["display"] or match["inline"]).split())
    kind = "formula display" if match["display"] else "formula"
    return f'<span class="{kind}">{_picture(tex, bool(match["display"]))}</span>'


def _grouped(tex: str) -> str:
    """Write out the groups that TeX lets one leave out."""
    tex = re.sub(r"(\\[dt]?frac) ?(\d) ?(\w)", r"\1{\2}{\3}", tex)
    return re.sub(r"\\sqrt ?(\d)", r"\\sqrt{\1}", tex)


@functools.cache
def _picture(tex: str, display: bool) -> str:
    """The formula as an <img> that carries its own SVG, or as <code> when it cannot be drawn."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import math_to_image

    spelled = re.sub(r"\\[A-Za-z]+", lambda word: SYNONYMS.get(word[0], word[0]), _grouped(tex))
    spelled = re.sub(r"\\frac\b", r"\\dfrac", spelled) if display else spelled
    alt = html.escape(tex, quote=True)
    size = FontProperties(size=POINTS)
    file = io.BytesIO()
    try:
        depth = math_to_image(f"${spelled}$", file, prop=size, dpi=72, format="svg")
    except ValueError:
        # Between tags Markdown goes on: what means something to it is written as a character's number.
        return f"<code>{re.sub(r'[^0-9A-Za-z ]', lambda sign: f'&#{ord(sign[0])};', tex)}</code>"
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="{alt}" style="vertical-align:-{depth:.1f}pt" src="data:image/svg+xml;base64,{data}">'
