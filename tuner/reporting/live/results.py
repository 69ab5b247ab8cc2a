"""What trials have come to: the best beside trial 0, and those that ended last."""

from __future__ import annotations

from rich.text import Text

from storage import TrialState
from tuner.reporting.columns import Column, table
from tuner.reporting.events import Ranked
from tuner.reporting.live.state import EndedTrial, LiveState
from tuner.reporting.state_styles import STATE_STYLES
from tuner.reporting.text import clock
from tuner.study.noise import standard_error

#: What a state is called in a row; the others are called by their names.
_WORDS = {TrialState.SHELVED: "put aside"}


def noise_of(state: LiveState) -> float | None:
    """Return two standard errors of the best value; None where the rows of the validation split are not known."""
    about = state.about
    rows = None if about is None or not about.sizes else about.sizes.get("validation")
    values = [*state.leaders[:1], *([state.recipe] if state.recipe else [])]
    if about is None or not rows or not values:
        return None
    return 2 * standard_error(values[0].value, rows, about.direction)


def best(state: LiveState, width: int, *, most: int) -> list[Text]:
    """Return the head and rows of the best trials: trial 0 first, then those that are ahead of the others.

    Args:
        state: What is shown.
        width: Columns of the terminal.
        most: The most rows.
    """
    recipe, about = state.recipe, state.about
    others = [each for each in state.leaders if recipe is None or each.number != recipe.number]
    rows = [*([recipe] if recipe else []), *others][:most]
    if not rows or about is None:
        return []
    noise = noise_of(state)
    head = "" if recipe is None else "against trial 0" + ("" if noise is None else f" (noise is about ±{noise:.2g})")
    took = [Text("" if each.device_s is None else clock(each.device_s)) for each in rows]
    words = [Text("" if recipe is None or each.number != recipe.number else "recipe") for each in rows]
    columns = [
        Column(title="BEST", cells=[Text(f"{each.number:>4}") for each in rows]),
        *([Column(title="took", cells=took, right=True, rank=2)] if any(cell.plain for cell in took) else []),
        Column(title="", cells=words, rank=1),
        Column(title=about.metric, cells=[Text(f"{each.value:.4f}") for each in rows], right=True),
        Column(title=head, cells=[_against(each, recipe, noise, about.direction) for each in rows]),
    ]
    return table(columns, width, indent=1)


def _against(trial: Ranked, recipe: Ranked | None, noise: float | None, direction: str) -> Text:
    if recipe is None or trial.number == recipe.number:
        return Text("")
    difference = trial.value - recipe.value
    told = Text(f"{difference:+.4f}")
    if noise is None:
        return told
    if abs(difference) <= noise:
        return told.append("  a tie", style="dim")
    is_better = difference > 0 if direction == "maximize" else difference < 0
    return told.append("  better", style="green") if is_better else told.append("  worse", style="yellow")


def ended(state: LiveState, width: int, *, most: int) -> list[Text]:
    """Return the head and rows of the trials that ended last, the last one first.

    Args:
        state: What is shown.
        width: Columns of the terminal.
        most: The most rows.
    """
    rows = state.ended[:most]
    if not rows:
        return []
    columns = [
        Column(title="LAST ENDED", cells=[Text(f"{each.number:>4} ").append_text(_how(each)) for each in rows]),
        Column(
            title="",
            cells=[Text("" if each.value is None else f"{each.value:.4f}") for each in rows],
            right=True,
        ),
        Column(title="", cells=[Text(_why(each)) for each in rows]),
    ]
    return table(columns, width, indent=1)


def _how(trial: EndedTrial) -> Text:
    word = _WORDS.get(trial.state, trial.state.value)
    text = Text(word, style=STATE_STYLES.get(trial.state, ""))
    if trial.state is not TrialState.COMPLETE and trial.percent is not None:
        text.append(f" at {trial.percent} %")
    return text


def _why(trial: EndedTrial) -> str:
    """Return why a trial ended, without the value and the percent, which have columns of their own."""
    reason = trial.reason or ""
    if trial.value is None or trial.percent is None:
        return reason
    return reason.removeprefix(f"{trial.value:.4g} at {trial.percent} %").lstrip(", ")
