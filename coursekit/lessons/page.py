"""HTML that stands alone: an executed notebook, or any body, as a page that fetches nothing."""

import html
from pathlib import Path

from coursekit.lessons.formulas import draw_formulas

STYLE = """
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b; background: #fff;
       font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "Noto Sans", "Noto Sans SC", sans-serif; }
h1, h2, h3 { line-height: 1.25; } a { color: #0057a3; } img { max-width: 100%; } img[alt] { height: auto; }
pre { margin: .4rem 0; padding: .6rem .8rem; overflow-x: auto; font-size: .85rem; line-height: 1.4;
      white-space: pre-wrap; overflow-wrap: anywhere; }
.input_area pre { background: #f4f4f4; border-left: 3px solid #0057a3; }
.output pre { border-left: 3px solid #c8c8c8; } .output_error pre, pre.traceback { background: #fdecea; }
.output pre { white-space: pre; }
.output_stderr pre { background: #fff6e0; } .prompt, .anchor-link { display: none; }
table { border-collapse: collapse; margin: .8rem 0; font-size: .9rem; display: block; overflow-x: auto; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
td.number, .dataframe td { text-align: right; font-variant-numeric: tabular-nums; }
.formula.display { display: block; text-align: center; margin: .6rem 0; }
.passed { color: #00693e; } .failed { color: #a61b1b; font-weight: 600; } .stopped { color: #7a5a00; }
.ansi-red-fg { color: #a61b1b; } .ansi-green-fg { color: #00693e; } .ansi-blue-fg { color: #0057a3; }
.ansi-cyan-fg { color: #00666b; } .ansi-yellow-fg { color: #7a5a00; } .ansi-bold { font-weight: 600; }
"""
WIDGET = "application/vnd.jupyter.widget-view+json"
SCRIPTED = ("application/javascript", "text/latex")


def page(title: str, body: str) -> str:
    """A whole HTML page around `body`; its style stands inside."""
    from pygments.formatters import HtmlFormatter

    colours = HtmlFormatter(style="default").get_style_defs(".highlight")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}{colours}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def notebook_page(notebook: Path, title: str, before: str = "") -> str:
    """An executed notebook as a page: prose, code, outputs, figures with alt text; `before` goes on top.

    Formulas are drawn as pictures and progress bars left out, because both would need scripts from elsewhere.
    """
    import nbformat
    from nbconvert import HTMLExporter

    content = nbformat.read(notebook, as_version=4)
    content["cells"] = [_offline(cell) for cell in content["cells"] if not _is_marker(cell)]
    content["metadata"].pop("widgets", None)
    exporter = HTMLExporter(template_name="basic", anchor_link_text="")
    body, _ = exporter.from_notebook_node(content)
    return page(title, before + body)


def _is_marker(cell: dict) -> bool:
    """Whether papermill put this cell in to point at an error."""
    return "papermill-error-cell-tag" in cell.get("metadata", {}).get("tags", [])


def _offline(cell: dict) -> dict:
    """Leave out of a cell what a page could only show with scripts from elsewhere."""
    if cell["cell_type"] == "markdown":
        cell["source"] = draw_formulas(cell["source"])
    if cell["cell_type"] == "code":
        cell["outputs"] = [output for output in cell["outputs"] if WIDGET not in output.get("data", {})]
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if any(name in data for name in ("text/plain", "image/png", "text/html")):
            for name in SCRIPTED:
                data.pop(name, None)
    return cell
