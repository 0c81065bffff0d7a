"""Turns a notebook with outputs into one HTML file."""

import html as escaping

from nbconvert import HTMLExporter
from nbformat import NotebookNode

# One file, readable offline: a report is sent by mail.
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #222;
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
h1, h2 {{ line-height: 1.2; margin-top: 2.5rem; }}
pre {{ font-size: 14px; white-space: pre-wrap; background: #f5f5f5;
  padding: 0.6rem 0.9rem; }}
img {{ max-width: 100%; height: auto; }}
table {{ border-collapse: collapse; }}
td, th {{ border: 1px solid #ccc; padding: 0.2rem 0.6rem; }}
.anchor-link {{ display: none; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def html(notebook: NotebookNode, title: str) -> str:
    """Return the prose, outputs and figures of a notebook without its code.

    Args:
        notebook: an `nbformat.NotebookNode` with outputs.
        title: of the page.
    """
    exporter = HTMLExporter(
        template_name="basic",
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    body, _ = exporter.from_notebook_node(notebook)
    return _PAGE.format(title=escaping.escape(title), body=body)
