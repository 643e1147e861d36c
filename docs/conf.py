"""The documentation's site: `make docs` builds it from these pages and from the code."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

ROOT = Path(__file__).parents[1]
# directives.py, and the search of the code for errors that its tests use, too.
sys.path[:0] = [str(ROOT / "docs"), str(ROOT)]

project = "bike-traffic"
author = "The bike-traffic authors"
project_copyright = author
release = version = version_of("bike-traffic")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click", "directives", "docstrings"]
exclude_patterns = ["conda-recipe"]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = "bike-traffic"
html_theme_options = {"navigation_with_keys": True}

# A link to a heading is checked as one to a page is.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

# A name in single backticks is a link where the site documents it, and code elsewhere.
default_role = "py:obj"
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
# Two hyphens are an option.
smartquotes = False
napoleon_google_docstring = False
python_use_unqualified_type_names = True
pygments_style = "friendly"

linkcheck_timeout = 30
linkcheck_ignore = [r"https?://(127\.0\.0\.1|.*\.?example\.(org|com))"]
