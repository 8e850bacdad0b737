"""Settings of the documentation."""

from sphinx_gallery.sorting import ExplicitOrder

from skgensynth import __version__

project = "skgensynth"
author = "The skgensynth developers"
copyright = author
release = version = __version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "examples"]
html_theme = "pydata_sphinx_theme"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False, "footer_start": []}
html_show_sphinx = False

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "within_subsection_order": ExplicitOrder(
        [
            "plot_first_table.py",
            "plot_conditions.py",
            "plot_augment.py",
            "plot_minority.py",
            "plot_feedback.py",
            "plot_search.py",
            "plot_prompts.py",
            "plot_mallm.py",
        ]
    ),
    "abort_on_example_error": True,
    "show_memory": False,
    "download_all_examples": False,
    "remove_config_comments": True,
}
# sphinx-gallery's settings hold an object that cannot be pickled between builds.
suppress_warnings = ["config.cache"]
# Of the documents; those of docstrings are pytest's.
doctest_test_doctest_blocks = ""
