"""The page that is shown before there is a study."""

from __future__ import annotations

import html
from http import HTTPStatus

from tuner.dashboard.answers import Answer

#: Seconds after which the page looks again.
_AGAIN_S = 5
_STYLE = "body{font:1.1em/1.6 sans-serif;max-width:44em;margin:4em auto;padding:0 1em}code{background:#eee}"


def empty_page(reason: str) -> Answer:
    """Return the page that says what is missing, and what the first study will add.

    Args:
        reason: What is missing, in one line.
    """
    said = html.escape(reason[:1].upper() + reason[1:])
    page = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="UTF-8"><title>No study yet</title>
<meta http-equiv="refresh" content="{_AGAIN_S}"><style>{_STYLE}</style></head>
<body><h1>No study yet</h1>
<p>{said}.</p>
<p><code>tuner start STUDY.yaml</code> makes the first study. Then this page shows its trials, their learning curves,
a note that says how the study stands, and how score and cost compare. <code>tuner init</code> writes a study file.</p>
<p>This page looks again every {_AGAIN_S} seconds.</p></body></html>
"""
    policy = ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
    return Answer(status=HTTPStatus.OK, reason=reason, headers=(policy,), page=page)
