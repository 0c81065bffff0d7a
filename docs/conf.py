"""How the site is built: the lessons with their outputs, and all pages."""

from docutils import nodes
from myst_nb.core.render import NbElementRenderer

project = "Retrain Inception v3 on your own photos"
root_doc = "README"
# Pages stay in their folders, so that links also work outside the site.
include_patterns = [
    "*.md",
    "*/README.md",
    "data/starter/README.md",
    "docs/*.md",
    "docs/setup/*.md",
    "notebooks/*.ipynb",
]
# Skipped at once: these folders have thousands of files.
exclude_patterns = [".*", "data/work", "data/surfaces*", "data/flower_photos"]

extensions = ["myst_nb"]
nb_execution_mode = "off"  # show the stored outputs
nb_ipywidgets_js = {}  # would need a network; widget states are not stored
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
html_context = {"default_mode": "auto"}  # light or dark, as in the browser
html_theme_options = {
    # A lesson does not run without `helpers`: offer no download.
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
:caption: Using the workbook

docs/install
docs/own_photos
docs/weights
docs/offline
docs/glossary
docs/take_home
```

```{toctree}
:hidden:
:caption: Before a workshop

docs/setup/windows
docs/setup/macos
docs/setup/linux
docs/setup/chromebook
```

```{toctree}
:hidden:
:caption: For instructors

Teaching <INSTRUCTORS>
docs/setup/mail
docs/hub
```

```{toctree}
:hidden:
:glob:
:caption: Background

data/README
data/starter/README
pretraining/README
scale/README
docs/benchmark
docs/architecture
C*
```
"""


def _add_contents(app, name, source):
    """Append the table of contents to README.md, the front page."""
    if name == root_doc:
        source[0] += CONTENTS


def _without_badges(app, document):
    """Replace images from a network, such as badges, by their alt text."""
    for image in list(document.findall(nodes.image)):
        if "://" in image["uri"]:
            image.replace_self(nodes.Text(image.get("alt", "")))


def _with_alt(render_image):
    """Return a method of MyST-NB that keeps a stored figure's alt text."""

    def render(self, data):
        (image,) = render_image(self, data)
        metadata = data.output_metadata.get(data.mime_type, {})
        image["alt"] = metadata.get("alt", "")
        return [image]

    return render


def setup(app):
    render_image = _with_alt(NbElementRenderer.render_image)
    NbElementRenderer.render_image = render_image
    app.connect("source-read", _add_contents)
    app.connect("doctree-read", _without_badges)
