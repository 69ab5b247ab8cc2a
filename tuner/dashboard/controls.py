"""Hides the controls of optuna-dashboard's page whose requests the guard refuses."""

from __future__ import annotations

from collections.abc import Iterable

#: Controls that change a study; and of the page as a whole, the one that makes a study, which is refused always.
_CREATE = 'button:has([data-testid="AddBoxIcon"])'
_OF_A_STUDY = ('button[aria-label="rename study"]', 'button[aria-label="delete study"]')
_CHANGES = (
    *_OF_A_STUDY,
    'button:has([data-testid="EditIcon"])',
    'button[aria-label="skip trial"]',
)
_FILES = (
    'button[aria-label="delete artifact"]',
    # A tile of its own, beside those of the files, within a card that holds them all.
    "[class*=MuiCard-root]:has(> [class*=MuiCardActionArea] [data-testid=UploadFileIcon])",
)


def hiding_style(*, writes: bool, files: bool, ours: Iterable[int]) -> str:
    """Return the element of HTML that hides controls.

    A later optuna-dashboard may name its controls otherwise. Then they are shown again, and still refused.

    Args:
        writes: Whether the dashboard takes changes.
        files: Whether it takes files.
        ours: Optuna's ids of the studies that tuner has made, which are not renamed or deleted from the page.
    """
    hidden = [_CREATE]
    if not writes:
        hidden += _CHANGES
    else:
        cards = (f'[class*=MuiCard-root]:has(a[href="/dashboard/studies/{study}"])' for study in ours)
        hidden += [f"{card} {control}" for card in cards for control in _OF_A_STUDY]
    if not (writes and files):
        hidden += _FILES
    return "<style>" + "".join(f"{each}{{display:none!important}}" for each in hidden) + "</style>"
