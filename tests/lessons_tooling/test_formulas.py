"""Formulas of a page: drawn where they can be, left readable where they cannot, code untouched."""

import html
import re

import pytest
from nbconvert.filters import markdown2html

from coursekit.lessons.formulas import draw_formulas


def test_inline_and_display_formulas_become_pictures_with_their_tex_as_alt_text():
    text = draw_formulas(r"The cosine $\frac{a \cdot b}{|a|}$ and $$\sum_i x_i$$ end.")
    assert text.count("<img ") == 2
    assert r'alt="\frac{a \cdot b}{|a|}"' in text
    assert '<span class="formula display"><img alt="\\sum_i x_i"' in text
    assert "$" not in text


@pytest.mark.parametrize(
    "text",
    [
        "it costs 5$ or 6$",
        "from $5 to $6",
        "`$x$`",
        "```\n$x$\n$$y$$\n```",
        "~~~\n$x$\n~~~",
        r"\$x\$",
        "``a $x$ b``",
    ],
)
def test_dollars_that_are_no_formula_stay(text):
    assert draw_formulas(text) == text


def test_a_formula_that_cannot_be_drawn_stays_readable_after_markdown():
    tex = r"\begin{cases}a<b & \{x_i^*\} \\ `c` _d_\end{cases}"
    code = re.search("<code>(.*?)</code>", markdown2html(draw_formulas(f"${tex}$")))
    assert html.unescape(code[1]) == tex


SPELLINGS = [
    r"\lVert x \rVert",
    r"\tfrac12",
    r"\frac1n \sqrt2",
    r"R_{ui} \le 5",
    r"\mathrm{NDCG}@k",
    r"a\,b \ne c",
    r"\sum_{\text{hits at } r \ge k} \lvert I_u \rvert",
    r"\displaystyle \bigl( x \bigr) \implies y",
]


@pytest.mark.parametrize("tex", SPELLINGS)
def test_usual_spellings_are_drawn(tex):
    assert "<img " in draw_formulas(f"${tex}$")
