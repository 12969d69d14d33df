"""Words as PostgreSQL's `tsvector` keeps them, and questions as its `tsquery` asks for them.

Both are made here as text, each lexeme in quotes, and only cast by PostgreSQL: its parsers never see what people wrote.
Beside its words, a message has lexemes for what it is (`Mark`), so that one index finds both together.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from app.search.query import ParsedQuery, Term
from app.search.words import PAIR, TextToken, pairs_of, tokens_of

MAX_PLACES = 255  # that PostgreSQL keeps of a lexeme

MarkKind = Literal["room", "from", "has"]


def mark(kind: MarkKind, value: str) -> str:
    """The lexeme for what a message is; no word has a `=` in it."""
    return f"={kind}:{value}"


def vector(words: Mapping[str, Sequence[int]], marks: Iterable[str] = ()) -> str:
    """A `tsvector` of words with their positions, and of marks, which have none."""
    parts = [f"{quoted(word)}:{','.join(map(str, places[:MAX_PLACES]))}" for word, places in words.items()]
    return " ".join([*parts, *map(quoted, marks)])


def asked(query: ParsedQuery, required: Sequence[str | None], excluded: Sequence[str | None]) -> str | None:
    """The `tsquery` of a query; None where it finds nothing, since it asks for nothing or only excludes.

    `required` and `excluded` are the expressions of its filters. An expression of None is one that nothing fits.
    """
    if None in required:
        return None
    needs = [expression for expression in required if expression is not None]
    limits = [*needs, *(f"!({expression})" for expression in excluded if expression is not None)]
    by_number: dict[int, list[tuple[bool, str]]] = {}
    for term in query.terms:
        if (expression := words_asked(term)) is not None:
            by_number.setdefault(term.alternative, []).append((term.excluded, expression))
    alternatives = [
        " & ".join(
            f"!({expression})" if is_excluded else f"({expression})" for is_excluded, expression in terms
        )
        for terms in by_number.values()
        if needs or not all(is_excluded for is_excluded, _ in terms)
    ]
    if alternatives:
        limits.insert(0, " | ".join(f"({alternative})" for alternative in alternatives))
    return " & ".join(f"({limit})" for limit in limits) if alternatives or needs else None


def words_asked(term: Term) -> str | None:
    """The `tsquery` of a term: its words, one after the other; None where it has none."""
    tokens = list(tokens_of(term.text))
    units: list[tuple[int, str]] = []
    for place, token in enumerate(tokens):
        is_last = place + 1 == len(tokens)
        is_paired = not is_last and tokens[place + 1].follows
        suffix = ":*" if term.begun and is_last else ""
        units += _units(token, tokens[place - 1] if token.follows else None, is_paired, suffix)
    if not units:
        return None
    units.sort(key=lambda unit: unit[0])
    expression, last = units[0][1], units[0][0]
    for at, lexeme in units[1:]:
        expression += f" <{at - last}> {lexeme}"
        last = at
    return expression


def _units(token: TextToken, before: TextToken | None, is_paired: bool, suffix: str) -> list[tuple[int, str]]:
    """The lexemes that stand for a token, with their positions. `suffix` is `:*` for one that may be longer."""
    at = token.position
    if token.is_run:
        pairs = pairs_of(token.text)
        if len(pairs) == 1:
            return [(at, quoted(pairs[0]) + ":*")]
        return [(at + place, quoted(pair)) for place, pair in enumerate(pairs[:-1])]
    units = []
    if before is not None:
        units.append((at - 1, quoted(before.word + PAIR + token.word) + suffix))
    units += [
        (at, quoted(symbols) + suffix)
        for symbols in token.symbols
        if before is None or not symbols.endswith(token.word)
    ]
    if not units and not is_paired:
        units.append((at, quoted(token.word) + suffix))
    return units


def either(lexemes: Iterable[str]) -> str | None:
    """The expression for one of some lexemes; None for none."""
    return " | ".join(map(quoted, lexemes)) or None


def quoted(lexeme: str) -> str:
    """A lexeme as PostgreSQL reads it."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"
