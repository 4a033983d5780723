"""Fill the page: one HTML file with its style, its scripts, the chart library and the data, which asks nobody for anything.

The data is compressed JSON in base64, so no character of an article is ever markup. A content security policy names the
style and scripts by their digests: nothing else runs, and nothing is loaded or sent.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Iterable
from importlib import metadata, resources
from typing import Any

from labels.files import write_text
from models.cache import cache_folder

_SCRIPTS = ("data.js", "charts.js", "passages.js", "page.js")
_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src {style}; style-src-attr 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)


def fill(data: dict[str, Any], *, title: str) -> str:
    """Return the page as HTML."""
    scripts = [_chart_library(), *map(_part, _SCRIPTS)]
    style = _part("page.css")
    parts = {
        "title": html.escape(title),
        "policy": _POLICY.format(scripts=" ".join(map(_digest, scripts)), style=_digest(style)),
        "style": style,
        "data": _packed(data),
        "scripts": "\n".join(f"<script>{script}</script>" for script in scripts),
    }
    return "".join(_filled(_part("page.html"), parts))


def _filled(template: str, parts: dict[str, str]) -> Iterable[str]:
    """Yield the template with its `{{names}}` filled: the parts themselves are not looked at."""
    for number, piece in enumerate(template.replace("}}", "{{").split("{{")):
        yield parts[piece] if number % 2 else piece


def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _packed(data: dict[str, Any]) -> str:
    content = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode()


def _chart_library() -> str:
    """Return Vega-Embed with Vega and Vega-Lite as one script; bundling takes seconds, so the result is cached."""
    cached = cache_folder("report") / f"vega-{metadata.version('vl-convert-python')}.js"
    if not cached.exists():
        import vl_convert

        write_text(cached, vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
    # Its short names must not be those of the page. A script ends at the first "</script", wherever it stands.
    return f"(() => {{{cached.read_text(encoding='utf-8')}}})();".replace("</script", "<\\/script")
