"""The words and phrases of a search, taken apart here, so that no text is an expression of PostgreSQL's.

PostgreSQL has a parser for such queries, `websearch_to_tsquery`. A row of dashes runs it out of its stack, and a query
of exclusions alone would find nearly everything. So the operators are read here, and PostgreSQL gets single terms.
"""

import re
from collections.abc import Sequence

from msgspec import Struct

TOKEN = re.compile(r'(?P<exclude>(?<![^\s"])-(?=["\w]))?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')
OR = "or"


class Term(Struct, frozen=True):
    """Words that must follow each other, or must not (`excluded`).

    A message fits a query if it fits all terms of one `alternative`. The last word of a term that is `begun` may be the
    beginning of a longer one.
    """

    text: str
    alternative: int = 0
    excluded: bool = False
    begun: bool = False


def terms_of(query: str) -> list[Term]:
    """The terms of a query, in its order, without those of alternatives that only exclude.

    "…" is a phrase, one `-` before a word or a phrase excludes it, `or` stands between alternatives. All other
    punctuation is left to PostgreSQL, which takes none of it for an operator.
    """
    tokens = list(TOKEN.finditer(query))
    terms: list[Term] = []
    alternative = 0
    for place, token in enumerate(tokens):
        text = token["phrase"] if token["word"] is None else token["word"]
        follows = bool(terms) and terms[-1].alternative == alternative
        if (token["word"] or "").lower() == OR and follows and place + 1 < len(tokens):
            alternative += 1
        elif re.search(r"\w", text):
            begun = token.end() == len(query) and query[-1].isalnum()
            terms.append(Term(text.lstrip("-"), alternative, token["exclude"] is not None, begun))
    asked = {term.alternative for term in terms if not term.excluded}
    return [term for term in terms if term.alternative in asked]


def columns_of(terms: Sequence[Term]) -> dict[str, list[str] | list[int] | list[bool]]:
    """The terms as parallel arrays."""
    return {
        "texts": [term.text for term in terms],
        "alternatives": [term.alternative for term in terms],
        "excluded": [term.excluded for term in terms],
        "begun": [term.begun for term in terms],
    }
