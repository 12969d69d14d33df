"""What the words of texts are, and which queries find which texts, as PostgreSQL compares them."""

import asyncio
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.db.database import Database
from app.search.documents import MAX_AT_ONCE, message_vector, prompt_vector
from app.search.folding import MAX_TEXT, fold
from app.search.names import name_asked, name_vector
from app.search.query import parse
from app.search.tsquery import asked
from app.search.words import MAX_LEXEMES, has_link, words_of
from tests.support.tries import tries

FOLDED = [
    ("Café", "cafe"),
    ("cafe\u0301", "cafe"),
    ("ﬁne", "fine"),
    ("Ｆｕｌｌ", "full"),
    ("so\u00adft zero\u200bwidth\ufeff", "soft zerowidth"),
    ("Straße ΣΊΣΥΦΟΣ İstanbul ırmak", "strasse σισυφοσ istanbul irmak"),
    ("Łódź Ørsted Æsop", "lodz orsted aesop"),
    ("Ёлка", "елка"),
    ("ﾀﾜｰ", "タワー"),
    ("か\u3099", "が"),  # voiced, another letter
    ("ภาษาไทย", "ภาษาไทย"),  # marks that make other letters
    ("हिन्दी", "हिन्दी"),
    ("한국", "한국"),
    ("l’été", "l'ete"),
]

WORDS: list[tuple[str, dict[str, list[int]]]] = [
    ("", {}),
    ("a - b", {"a": [1], "b": [2]}),
    ("A a, a.", {"a": [1, 2, 3]}),
    ("main.py", {"main": [1], "py": [2], ".py": [2], "main␟py": [1]}),
    ("C++", {"c": [1], "c++": [1]}),
    ("v1.2", {"v1": [1], "v": [1], "1": [1], "2": [2], "v1␟2": [1], "1␟2": [1]}),
    ("getUrl", {"geturl": [1], "get": [1], "url": [1]}),
    ("上海东 b", {"上海": [1], "海东": [2], "东": [3], "b": [4]}),
    ("🎉👍🏽", {"🎉": [1], "👍": [2], "🎉␟👍": [1]}),
]

# A text, and what finds it.
FINDS: list[tuple[str, str]] = [
    ("use Vec<Message> here", "Message"),
    ("use Vec<Message> here", "Vec<Message>"),
    ("use Vec<Message> here", "vec"),
    ("<needle> said", "needle"),
    ('<div class="needle">', "needle"),
    ("&needle;", "needle"),
    ("he/she", "she"),
    ("input/output", "output"),
    ("src/app/main.py", "main.py"),
    ("/etc/nginx/nginx.conf", "nginx.conf"),
    ("ok.thanks", "thanks"),
    ("v1.2.3", "1.2.3"),
    ("v1.2.3", "v1.2.3"),
    ("write to bob@example.org now", "example.org"),
    ("https://tracker.test/browse/PLT-3700?x=1", "PLT-3700"),
    ("https://tracker.test/browse/PLT-3700?x=1", "3700"),
    ("https://tracker.test/browse/PLT-3700?x=1", "https://tracker.test/browse/PLT-3700"),
    ("test_webhooks.py", "test_webhooks"),
    ("test_webhooks.py", "webhooks"),
    ("test_webhooks.py", "test_web"),
    ("PLT-3699", "3699"),
    ("CVE-2024-12345", "12345"),
    ("2026-11-28", "28"),
    ("2026-11-28", "11-28"),
    ("+1-555-0199", "555-0199"),
    ("€20.50", "20.50"),
    ("€20.50", "€20.50"),
    ("yes/no", "no"),
    ("config.yaml", "yaml"),
    ("我家在上海东边", "上海"),
    ("我家在上海东边", "家"),
    ("我家在上海东边", "边"),
    ("東京タワーに行く", "タワー"),
    ("東京ﾀﾜｰに行く", "タワー"),
    ("ผมไปตลาดทุกวัน", "ตลาด"),
    ("ຂ້ອຍໄປຕະຫຼາດ", "ຕະຫຼາດ"),
    ("ខ្ញុំទៅផ្សារ", "ផ្សារ"),
    ("ကျွန်တော်ဈေးသွားတယ်", "ဈေး"),
    ("오늘 회의 있어요", "회의"),
    ("오늘 회의 있어요", unicodedata.normalize("NFD", "회의")),
    ("cafe\u0301", "café"),
    ("café", "cafe\u0301"),
    ("café", "cafe"),
    ("cafe", "café"),
    ("so\u00adft hy\u00adphens", "soft hyphens"),
    ("zero\u200bwidth", "zerowidth"),
    ("ﬁnancial eﬀect", "financial effect"),
    ("Ｆｕｌｌ ｗｉｄｔｈ", "full width"),
    ("I like C++.", "C++"),
    ("C# or F#?", "C#"),
    ("the .NET way", ".NET"),
    ("ASP.NET", ".net"),
    ("up 50% today", "50%"),
    ("hi :wave: all", ":wave:"),
    ("hi :white_check_mark:", ":white_check_mark:"),
    ("it was -5 today", "-5"),
    ("see #general", "#general"),
    ("@ann come", "@ann"),
    ("party 🎉!", "🎉"),
    ("don't", "don't"),
    ("don’t", "don't"),
    ("l'été", "ete"),
    ("parseHttpUrl", "httpurl"),
    ("parseHttpUrl", "http"),
    ("hello, world", '"hello world"'),
    ("hello-world", '"hello world"'),
    ("see main.py now", '"see main.py now"'),
    ("see main.py now", '"py now"'),
    ("green tea", "tea -milk"),
    ("green tea", "milk or tea"),
    ("it's O'Brien\\ & co", "o'brien"),
    ("a " * 3000 + "needle", "needle"),
]

# A text, and what does not find it.
MISSES: list[tuple[str, str]] = [
    ("C is a letter", "C++"),
    ("net income", ".NET"),
    ("50 of them", "50%"),
    ("wave to me", ":wave:"),
    ("it was 5", "-5"),
    ("11 28", "11-28"),
    ("28-11", "11-28"),
    ("main is not py", "main.py"),
    ("海上", "上海"),
    ("か", "が"),
    ("world hello", '"hello world"'),
    ("green tea with milk", "tea -milk"),
    ("green tea", "greenery"),
    ("green tea", "tea x"),
]

NOTHING = ["-" * 50, "!!! ???", '"', "-milk", '-"a b" -c', "before:2026-01-01", "&|!()<->:*"]


def query_of(text: str) -> str | None:
    return asked(parse(text), (), ())


@pytest.mark.parametrize(("text", "folded"), FOLDED)
def test_what_people_take_for_the_same_is_the_same(text: str, folded: str) -> None:
    assert fold(text) == fold(unicodedata.normalize("NFD", text)) == folded


@pytest.mark.parametrize(("text", "words"), WORDS)
def test_words(text: str, words: dict[str, list[int]]) -> None:
    assert words_of(text) == words


def test_texts_are_not_one_phrase() -> None:
    assert words_of("a b", "c") == {"a": [1], "b": [2], "c": [4]}


@pytest.mark.parametrize("text", NOTHING)
def test_what_asks_for_nothing_finds_nothing(text: str) -> None:
    assert query_of(text) is None


@pytest.mark.parametrize("unit", ["ab ", "aB.cD.", "上", "\ufdfa", "a:", "-", "e\u0301", "A", "🎉", "1a2b"])
def test_no_message_has_more_words_than_there_may_be(unit: str) -> None:
    words = words_of(unit * (10_000 // len(unit)))
    assert sum(map(len, words.values())) <= MAX_LEXEMES + 20
    assert len(fold(unit * 10_000)) <= MAX_TEXT


def test_a_long_message_has_its_words_later() -> None:
    assert prompt_vector("a" * MAX_AT_ONCE, room_id="r", sender_id="s") == (
        message_vector("a" * MAX_AT_ONCE, room_id="r", sender_id="s")
    )
    assert prompt_vector("a" * (MAX_AT_ONCE + 1), room_id="r", sender_id="s") is None


def test_links() -> None:
    assert all(map(has_link, ("see https://a.example", "HTTP://x", "(www.example.org)")))
    assert not any(map(has_link, ("see http:// that", "awww.nice", "https", "ftp://x")))


async def fits(db: Database, vectors: list[str], queries: list[str | None]) -> list[bool | None]:
    return await db.column(
        bool,
        """
        select cast(vector as tsvector) @@ cast(query as tsquery)
        from unnest(cast(:vectors as text[]), cast(:queries as text[])) with ordinality as g (vector, query, place)
        order by place
        """,
        vectors=vectors,
        queries=queries,
    )


def vector_of(text: str) -> str:
    return message_vector(text, room_id="r", sender_id="s")


async def test_what_is_looked_for_is_found(db: Database) -> None:
    found = await fits(db, [vector_of(text) for text, _ in FINDS], [query_of(query) for _, query in FINDS])
    assert [pair for pair, is_found in zip(FINDS, found, strict=True) if not is_found] == []


async def test_what_is_something_else_is_not_found(db: Database) -> None:
    found = await fits(db, [vector_of(text) for text, _ in MISSES], [query_of(query) for _, query in MISSES])
    assert [pair for pair, is_found in zip(MISSES, found, strict=True) if is_found is not False] == []


NAMES = [
    (("ann.lee", "Hannah Müller"), "nnah", True),
    (("ann.lee", "Hannah Müller"), "muller HAN", True),
    (("ann.lee", "Hannah Müller"), "n.l", True),
    (("ann.lee", None), "lee", True),
    (("ann.lee", "Hannah"), "hanna x", False),
    (("bob", "上海太郎"), "海太", True),
    (("bob", "O'Brien\\ C++"), "c++", True),
    (("bob", "O'Brien\\ C++"), "brien\\", True),
    (("bob", "(Bob)"), "'bob:*'", True),
    (("bob", None), "& | bo", True),
]


async def test_names_are_found_by_any_part(db: Database) -> None:
    found = await fits(
        db, [name_vector(*names) for names, _, _ in NAMES], [name_asked(query) for _, query, _ in NAMES]
    )
    assert found == [is_found for _, _, is_found in NAMES]
    assert (name_asked("%"), name_asked(" ' \\ "), name_asked("\u200b")) == (None, None, None)


PIECES = st.sampled_from(
    [
        *"-!&|()<>:*'\"\\%_@./?=#+~^$[]{},;0",
        "a",
        "tea",
        "or",
        "ü",
        " ",
        "茶",
        "🍵",
        "https://",
        "from:",
        "has:file",
    ]
)
TEXTS = st.lists(PIECES | st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


async def test_postgresql_takes_any_text_and_any_query(db: Database) -> None:
    loop = asyncio.get_running_loop()

    @given(st.lists(TEXTS.map("".join), min_size=20, max_size=20))
    @settings(deadline=None, max_examples=tries(15))
    def ask(texts: list[str]) -> None:
        vectors, queries = [vector_of(text) for text in texts], [query_of(text) for text in texts]
        asyncio.run_coroutine_threadsafe(fits(db, vectors, queries), loop).result()

    await asyncio.to_thread(ask)


@given(TEXTS.map("".join))
def test_a_word_of_a_text_is_a_word_of_its_other_forms(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert words_of(unicodedata.normalize(form, text)) == words_of(text)
