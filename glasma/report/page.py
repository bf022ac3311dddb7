"""Self-contained pages: templates in one style, with images inside."""

from __future__ import annotations

import base64
import io
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, select_autoescape
from markupsafe import Markup
from matplotlib.figure import Figure


def page_from(template: str, package: str = "glasma.report", **content: Any) -> str:
    """A page from a template of the package, which may include those of `glasma.report`."""
    loader = ChoiceLoader([PackageLoader(name, ".") for name in dict.fromkeys((package, "glasma.report"))])
    environment = Environment(loader=loader, autoescape=select_autoescape())
    return environment.get_template(template).render(**content)


def embedded(figure: Figure, title: str) -> Markup:
    """The tag of a figure that is part of the page."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=140)
    return Markup('<img src="{}" alt="{}">').format(data_uri(buffer.getvalue(), "image/png"), title)


def data_uri(data: bytes, kind: str) -> str:
    """The bytes as an address."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
