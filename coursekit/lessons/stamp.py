"""What every lesson carries from one place: the setup cell and the link to Colab.

Both hold the repository's address, which is written once, in pyproject's project URLs.
"""

import re

SETUP = """\
try:
    import coursekit
except ModuleNotFoundError:  # on Colab, or any machine that has not got the course's library yet
    %pip install -q "coursekit @ git+{url}"
    import coursekit

print("coursekit", coursekit.__version__)"""
LINK_TEXT = "Open in Colab"
LINK_LINE = re.compile(rf"\[{LINK_TEXT}\]\(.*\)")
# Colab opens a branch by its name; it does not know HEAD.
BRANCH = "main"


def setup_source(url: str) -> str:
    """The text of the setup cell: it works unchanged in a checkout, on Colab and in a grader."""
    return SETUP.format(url=url)


def colab_link(url: str, key: str) -> str | None:
    """The Markdown link that opens a released lesson on Colab; None when `url` is not on GitHub.

    It is text, not a picture: nothing is fetched from another site when the lesson is read, and a screen
    reader reads it out.
    """
    match = re.fullmatch(r"https://github\.com/([^/]+/[^/]+)", url)
    if match is None:
        return None
    path = f"lessons/{key}/{key}.ipynb"
    return f"[{LINK_TEXT}](https://colab.research.google.com/github/{match[1]}/blob/{BRANCH}/{path})"


def stamp(notebook: dict, key: str, url: str) -> dict:
    """Return `notebook` with the setup cell and the Colab link of lesson `key` as `url` wants them.

    The cell tagged `setup` is rewritten, or put before the first code cell when there is none; the link
    follows the title. ValueError when the notebook does not begin with a Markdown title.
    """
    cells = [dict(cell) for cell in notebook["cells"]]
    if not cells or cells[0]["cell_type"] != "markdown" or not cells[0]["source"].startswith("# "):
        raise ValueError(f"{key}: the first cell must be Markdown and begin with '# ' and the lesson's title")
    cells[0]["source"] = _with_link(cells[0]["source"], colab_link(url, key))
    _setup_cell(cells, key)["source"] = setup_source(url)
    return {**notebook, "cells": cells}


def _with_link(source: str, link: str | None) -> str:
    """Put `link` in place of the one there is, else after the title; None takes it away."""
    lines = source.replace("\r\n", "\n").split("\n")
    places = [place for place, line in enumerate(lines) if LINK_LINE.fullmatch(line.strip())]
    if link is None:
        return "\n".join(line for place, line in enumerate(lines) if place not in places)
    if places:
        lines[places[0]] = link
        return "\n".join(lines)
    rest = "\n".join(lines[1:]).strip("\n")
    return "\n\n".join(part for part in (lines[0], link, rest) if part)


def _setup_cell(cells: list[dict], key: str) -> dict:
    """The cell tagged `setup`, made when missing."""
    for cell in cells:
        if "setup" in cell.get("metadata", {}).get("tags", []):
            return cell
    made = {"cell_type": "code", "id": f"setup-{key}", "metadata": {"tags": ["setup"]}, "source": ""}
    code = [place for place, cell in enumerate(cells) if cell["cell_type"] == "code"]
    cells.insert(code[0] if code else len(cells), made)
    return made
