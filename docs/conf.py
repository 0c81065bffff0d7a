"""How the site is built: the lessons as they ran, README and the cards."""

from docutils import nodes

project = "Retrain Inception v3 on your own photos"
root_doc = "README"
# The pages lie all over the project, so that their links also work there.
include_patterns = [
    "*.md",
    "*/README.md",
    "data/starter/README.md",
    "notebooks/*.ipynb",
]
# Not even looked into: there are thousands of files.
exclude_patterns = [".*", "data/work", "data/surfaces*", "data/flower_photos"]

extensions = ["myst_nb"]
nb_execution_mode = "off"  # what is shown is what a real run has stored
nb_ipywidgets_js = {}  # fetched from a network; no widget's state is stored
myst_heading_anchors = 3

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["static"]
html_css_files = ["site.css"]
html_favicon = "static/icon.svg"
html_extra_path = ["extra"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_context = {"default_mode": "auto"}  # light or dark, as the reader has it
html_theme_options = {
    # A lesson alone, without `helpers`, is of no use: nothing to download.
    "use_download_button": False,
    "navbar_persistent": [],
    "footer_content_items": [],
}

CONTENTS = """

```{toctree}
:hidden:
:glob:
:caption: Lessons

notebooks/*
```

```{toctree}
:hidden:
:caption: For instructors

Teach it <INSTRUCTORS>
```

```{toctree}
:hidden:
:glob:
:caption: Background

The pictures <data/README>
The starter weights <data/starter/README>
*/README
Change it <CONTRIBUTING>
```
"""


def _add_contents(app, name, source):
    """Give the front page, README.md, the list of all pages."""
    if name == root_doc:
        source[0] += CONTENTS


def _without_badges(app, document):
    """Put its words in place of a picture that has to be fetched."""
    for image in list(document.findall(nodes.image)):
        if "://" in image["uri"]:
            image.replace_self(nodes.Text(image.get("alt", "")))


def setup(app):
    app.connect("source-read", _add_contents)
    app.connect("doctree-read", _without_badges)
