"""Text that a learner wrote, made safe to show to somebody else: in a notebook, and in a page."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from functools import cache

SHOWN = 20_000
# Bytes of a terminal, marks that turn the reading direction, tags nobody sees, halves of characters.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_TAGS = {"p", "br", "hr", "em", "strong", "del", "code", "pre", "blockquote", "ul", "ol", "li"}
_TAGS |= {"h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"}
_TAG = re.compile(r"(</?[a-z0-9]+>)")
# What Markdown, its extensions and autolinks could still read in a text.
_MARKUP = re.compile(r"[`$\\*_\[\]!#~|<>&:@^={}\n]")


def visible(text: str, limit: int = SHOWN) -> str:
    """The same text with nothing hidden in it: `\\x1b` and `\\u202e` are spelt out, and the end may be cut.

    Args:
        text: of any origin, of any length; lone surrogates are fine.
        limit: characters that are kept; a line after them says how many were left out.

    Returns:
        Text that can be encoded as UTF-8 and holds no control characters but newline and tab.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    shown = _spelt_out(text[:limit])
    if len(text) > limit:
        shown += f"\n… {len(text) - limit:,} more characters are not shown here."
    return shown


def prose_html(text: str) -> str:
    """A learner's Markdown as HTML that loads nothing, links nowhere and runs nothing.

    Only the tags of plain prose are left, none with an attribute. A link or an image is shown as its words
    and its address. HTML in the text is shown as text.

    Returns:
        HTML; the text as it stands in `<pre>` where the Markdown cannot be read.
    """
    import bleach

    text = visible(text)
    try:
        rendered = _markdown()(text)
    except Exception:  # whatever a parser of such texts may raise, the answer must still be seen
        return f"<pre>{html.escape(text)}</pre>"
    clean = bleach.clean(rendered, tags=_TAGS, attributes={}, strip=True, strip_comments=True)
    # A character that is hidden may have been written as a number, which only now is read.
    return _with_texts(clean, lambda text: html.escape(_spelt_out(text), quote=False))


def sentence_html(text: str) -> str:
    """A plain sentence as HTML, in which words between backticks are set as code."""
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", html.escape(visible(text)))


def markdown_source(safe_html: str) -> str:
    """HTML without attributes as the source of a Markdown cell: one line, in which no Markdown is left.

    nbconvert and JupyterLab hand HTML in a Markdown cell through and read the text between the tags once
    more. So each character that could mean something to them is written as a number.
    """
    return f"<div>{_with_texts(safe_html, _numbered)}</div>"


def _spelt_out(text: str) -> str:
    return _HIDDEN.sub(lambda found: ascii(found.group())[1:-1], text)


def _numbered(text: str) -> str:
    return _MARKUP.sub(lambda found: f"&#{ord(found.group())};", text)


def _with_texts(safe_html: str, change: Callable[[str], str]) -> str:
    """HTML without attributes, with `change` applied to what its texts say (entities read)."""
    parts = _TAG.split(safe_html)
    # Texts stand at the even places, the tags between them at the odd ones.
    parts[::2] = [change(html.unescape(text)) for text in parts[::2]]
    return "".join(parts)


@cache
def _markdown():
    import mistune

    class Words(mistune.HTMLRenderer):
        """HTML in which links, images and formulas are words."""

        def link(self, text: str, url: str, title: str | None = None) -> str:
            return text if html.escape(url) == text else f"{text} ({html.escape(url)})"

        def image(self, text: str, url: str, title: str | None = None) -> str:
            return f"[image: {text} ({html.escape(url)})]"

    markdown = mistune.create_markdown(
        escape=True, renderer=Words(escape=True), plugins=["table", "strikethrough", "math"]
    )
    # A formula stays as it was typed; a page that can set formulas finds it between its dollars.
    markdown.renderer.register("inline_math", lambda _, text: f"${html.escape(text)}$")
    markdown.renderer.register("block_math", lambda _, text: f"<p>$${html.escape(text)}$$</p>")
    return markdown
