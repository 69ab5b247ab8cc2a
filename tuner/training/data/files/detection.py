"""Finding out how a delimited file is written, over all of its lines.

The columns that the study names must be in the header, which settles the separator. Every record must have the
header's number of cells, which settles the quoting of most files. Where more than one quoting reads all records, and
the cells that are wanted differ, the evidence decides (see `evidence`), or the file is refused.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice, zip_longest

from tuner.errors import DataError
from tuner.study.data_config import NONE, FormatConfig
from tuner.training.data.files.dialects import QUOTINGS, SEPARATORS, Dialect, character
from tuner.training.data.files.evidence import gather
from tuner.training.data.files.file_rows import Wanted
from tuner.training.data.files.headers import no_candidate
from tuner.training.data.files.layouts import Layout, first_records, lay_out
from tuner.training.data.files.records import BrokenRecord, is_blank, open_records
from tuner.training.data.files.survey import QUOTES, Survey, survey, with_newline
from tuner.training.data.files.text_file import TextFile
from tuner.training.data.files.values import shown

#: Cells in quotes that hold doubled quotes: so many are no chance.
_FEW = 3
#: Records that show whether a separator is punctuation of texts.
_PUNCTUATED = 1000


@dataclass(frozen=True)
class Candidate:
    """A dialect in which the header of a file has the columns that are wanted."""

    dialect: Dialect
    layout: Layout
    #: The first record that cannot be read so; None where there is none, or where no other candidate is left.
    failure: int | None = None


@dataclass(frozen=True)
class Detected:
    """How a file is to be read."""

    file: TextFile
    best: Candidate
    #: Candidates that were refuted, for the message where the best one fails, too.
    rivals: tuple[Candidate, ...]


def detect(file: TextFile, wanted: Wanted, form: FormatConfig) -> Detected:
    """Find out how a file is written.

    Args:
        file: The file, in its encoding.
        wanted: The columns that are needed.
        form: The study's `data.format`, whose keys overrule.

    Raises:
        DataError: The file has no such columns or seems to have no header, or more than one reading is left.
    """
    _check_format(form)
    file = with_newline(file)
    skipped, separators = _separators(file, form)
    candidates = [
        Candidate(dialect, layout)
        for separator in separators
        for quote, escape in _quotings(form)
        if _differ(separator, quote, escape)
        for dialect in [Dialect(separator=separator, quote=quote, escape=escape, skipped=skipped)]
        if (layout := lay_out(file, dialect, wanted, form.header)) is not None
    ]
    if not candidates:
        raise no_candidate(file, wanted, form, skipped, separators)
    quotes = {*QUOTES, *(each.dialect.quote for each in candidates if each.dialect.quote)}
    file, facts = survey(file, {each.dialect.separator for each in candidates}, quotes)
    candidates = [each for each in candidates if _matters(each.dialect, facts, form)] or candidates[:1]
    if any(each.layout.is_plain and each.layout.is_clean for each in candidates):
        candidates = [each for each in candidates if each.layout.is_plain]
    found = _among(file, candidates, wanted, form)
    if isinstance(form.header, list):
        _check_first_line(file, found.best)
    return found


def _check_format(form: FormatConfig) -> None:
    signs = [sign for sign in (form.separator, form.quote, form.escape) if sign not in (None, NONE)]
    if len(set(signs)) < len(signs):
        raise DataError("", "data.format", "separator, quote and escape cannot be the same character")


def _check_first_line(file: TextFile, best: Candidate) -> None:
    for line, cells in first_records(file, best.dialect, 1):
        if tuple(cell.strip() for cell in cells) == best.layout.names:
            raise DataError(
                "",
                "data.format.header",
                f"{file.name}, line {line} holds the names that the key gives to the columns; leave the key out",
            )


def _separators(file: TextFile, form: FormatConfig) -> tuple[int, tuple[str, ...]]:
    with file.lines() as (lines, _raw):
        line = next(lines, "").rstrip("\r\n").strip('"')
    skipped = int(len(line) == 5 and line.lower().startswith("sep="))
    if form.separator is not None:
        return skipped, (form.separator,)
    return skipped, (line[4],) if skipped else SEPARATORS


def _quotings(form: FormatConfig) -> list[tuple[str | None, str | None]]:
    pairs = list(QUOTINGS)
    if form.quote is not None:
        quote = None if form.quote == NONE else form.quote
        pairs = list(dict.fromkeys((quote, escape) for _, escape in pairs))
    if form.escape is not None:
        escape = None if form.escape == NONE else form.escape
        pairs = list(dict.fromkeys((quote, escape) for quote, _ in pairs))
    return pairs


def _differ(separator: str, quote: str | None, escape: str | None) -> bool:
    signs = [sign for sign in (separator, quote, escape) if sign is not None]
    return len(set(signs)) == len(signs)


def _matters(dialect: Dialect, facts: Survey, form: FormatConfig) -> bool:
    # A dialect that reads the file as a simpler one does is no candidate of its own.
    quote, escape = dialect.quote, dialect.escape
    if escape is not None and form.escape is None:
        return facts.separator_escaped if quote is None else quote in facts.escaped
    return quote is None or form.quote is not None or quote in facts.opening or escape is not None


def _among(file: TextFile, candidates: list[Candidate], wanted: Wanted, form: FormatConfig) -> Detected:
    first, *others = candidates
    others = [replace(each, failure=_failure(file, each)) for each in others]
    alive = [each for each in others if each.failure is None]
    rivals = [each for each in others if each.failure is not None]
    if alive:
        # Only now: where the others are refuted, reading itself shows whether the first one holds.
        first = replace(first, failure=_failure(file, first))
    if first.failure is None:
        alive.insert(0, first)
    else:
        rivals.append(first)
    best = alive[0]
    for other in alive[1:]:
        best = _better(file, best, other, wanted)
    if best.dialect.escape is not None and form.escape is None:
        _check_escapes(file, best)
    return Detected(file, best, tuple(rivals))


def _check_escapes(file: TextFile, best: Candidate) -> None:
    # Where no other dialect reads the file, backslashes may still belong to the texts.
    with suppress(BrokenRecord):
        evidence = gather(file, best.dialect, best.layout)
        is_few = evidence.escapes < _FEW and (best.dialect.quote is None or best.dialect.separator == "\t")
        if is_few:
            raise DataError(
                "",
                "data.format.escape",
                f"{file.name} has the same number of cells on each line only if a backslash escapes the character "
                f"behind it, as on line {evidence.first_escape}; write data.format.escape: backslash to read it so, or "
                "mend that line",
            )
        if evidence.strays:
            raise DataError(
                "",
                "data.format.escape",
                f"{file.name}, line {evidence.first_stray} has a backslash that escapes nothing, while backslashes "
                "elsewhere seem to escape quotes or separators; write data.format.escape: backslash to read the file "
                f"so and drop it, or data.format.escape: {NONE}",
            )


def _failure(file: TextFile, candidate: Candidate) -> int | None:
    width = candidate.layout.width
    header = candidate.layout.has_header
    with open_records(file, candidate.dialect) as (records, _raw):
        try:
            for number, cells in records:
                if len(cells) != width and not is_blank(cells) and not header:
                    return number
                header = header and is_blank(cells)
        except BrokenRecord as error:
            return error.line
    return None


def _is_punctuation(file: TextFile, candidate: Candidate) -> bool:
    """Return whether a blank follows the separator in nearly each of the first records, as behind a comma in a text."""
    seen, blank = 0, 0
    with open_records(file, candidate.dialect) as (records, _):
        for _, cells in islice(records, _PUNCTUATED):
            seen += len(cells) > 1
            blank += any(cell.startswith(" ") for cell in cells[1:])
    return blank > 0.9 * seen


@dataclass(frozen=True)
class _Difference:
    line: int
    one: str
    other: str


def _difference(file: TextFile, one: Candidate, other: Candidate, wanted: Wanted) -> _Difference | None:
    places = [[candidate.layout.index(name) for name in wanted.names] for candidate in (one, other)]
    with open_records(file, one.dialect) as (left, _), open_records(file, other.dialect) as (right, _):
        for (line, cells), (line_2, cells_2) in zip_longest(left, right, fillvalue=(0, [])):
            kept, kept_2 = (
                [row[at] for at in where if at < len(row)] for row, where in ((cells, places[0]), (cells_2, places[1]))
            )
            if line != line_2 or kept != kept_2:
                pairs = [pair for pair in zip(kept, kept_2, strict=False) if pair[0] != pair[1]]
                return _Difference(line or line_2, *(pairs[0] if pairs else ("", "")))
    return None


def _better(file: TextFile, one: Candidate, other: Candidate, wanted: Wanted) -> Candidate:
    difference = _difference(file, one, other, wanted)
    if difference is None:
        return one
    if one.dialect.separator != other.dialect.separator:
        certain = [each for each in (one, other) if each.dialect.quote and _is_certain(file, each)]
        if len(certain) != 1:
            certain = [each for each in (one, other) if not _is_punctuation(file, each)]
        if len(certain) == 1:
            return certain[0]
        names = " and ".join(repr(character(each.dialect.separator)) for each in (one, other))
        raise DataError("", "data.format.separator", f"{file.name} can be read as separated by {names}; name one")
    decide = _by_quote if one.dialect.escape == other.dialect.escape else _by_escape
    chosen = decide(file, one, other)
    if chosen is None:
        raise _undecided(file, one, other, difference)
    return chosen


def _is_certain(file: TextFile, candidate: Candidate) -> bool:
    return gather(file, candidate.dialect, candidate.layout).is_certain


def _by_escape(file: TextFile, one: Candidate, other: Candidate) -> Candidate | None:
    escaped, plain = (one, other) if one.dialect.escape is not None else (other, one)
    evidence = gather(file, escaped.dialect, escaped.layout)
    if not (evidence.is_minimal or evidence.is_uniform):
        return plain
    # Without escapes no writer puts a quote into a cell that has none around it.
    unescaped = replace(escaped.dialect, escape=None) if plain.dialect.quote is None else plain.dialect
    is_odd = gather(file, unescaped, plain.layout).bare > 0
    is_many = evidence.escapes >= _FEW
    return escaped if is_odd and is_many and plain.dialect.separator != "\t" else None


def _by_quote(file: TextFile, one: Candidate, other: Candidate) -> Candidate | None:
    """Choose between a reading with quotes and one without, or with others; None where nothing decides."""
    # The double quote is the usual one, so that the less usual reading is the one that needs evidence.
    order = [None, '"', "'"]
    plain, quoted = sorted(
        (one, other), key=lambda each: order.index(each.dialect.quote) if each.dialect.quote in order else 3
    )
    evidence = gather(file, quoted.dialect, quoted.layout)
    if evidence.is_certain and not evidence.spans:
        return quoted
    if quoted.dialect.quote != '"':
        if evidence.is_minimal and evidence.wrapped >= _FEW and not evidence.spans and plain.dialect.quote is None:
            return quoted
        if evidence.spans and plain.dialect.quote is not None and gather(file, plain.dialect, plain.layout).is_minimal:
            return plain
        return None if evidence.is_minimal or evidence.is_uniform else plain
    if quoted.dialect.separator == "\t":
        # People write tab-separated files without quoting, and the quotes belong to their texts.
        if evidence.spans or (evidence.is_uniform and not evidence.is_minimal):
            return None if evidence.is_minimal or evidence.is_uniform else plain
        if evidence.is_minimal and evidence.wrapped < _FEW:
            return None
        return quoted if evidence.is_minimal else plain
    return None if evidence.spans else quoted


def _undecided(file: TextFile, one: Candidate, other: Candidate, difference: _Difference) -> DataError:
    key = "escape" if one.dialect.escape != other.dialect.escape else "quote"
    signs = [getattr(each.dialect, key) for each in (one, other)]
    words = " or ".join(NONE if sign is None else repr(character(sign)) for sign in signs)
    values = f"{shown(difference.one)} or {shown(difference.other)}"
    return DataError(
        "",
        f"data.format.{key}",
        f"{file.name}, line {difference.line} can be read as {values}, and nothing in the file decides; "
        f"write data.format.{key}: {words}",
    )
