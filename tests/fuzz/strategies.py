"""Input that nobody would send on purpose, and some that somebody would."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from .wire import Literal, Members, bodies, encoded, http_api, invoked, nested, rest_api, text_of

DIGITS = "12345678901234567890123456789012345678"
NUMBERS = (
    *("1e400", "-1e400", "1E-200", "-1E-200", "1e-400", "1e1000000", "1e-1000000", "0e1000000", "1e20", "1E+125"),
    *("1E+126", "1E-130", "1E-131", "1.5E-130", f"{DIGITS}E-167", f"-{DIGITS}E-165", f"{DIGITS}E+88", f"{DIGITS}E+89"),
    *(DIGITS, f"{DIGITS}9", f"{DIGITS}90", "0.1", "0.30000000000000004", "100.50", "-0", "-0.0", "1.0", "0", "1", "-1"),
    *("NaN", "Infinity", "-Infinity", "1e28", "1e15", "1000000000000001", "9" * 4000, "0.00000001", "0.000000001"),
    *("999999999999999999.99999999", "1000000000000000000", "1.50000000000000000000000000000000000000000000"),
)
TEXTS = (
    *(
        "",
        " ",
        "\u200b",
        "\u202e\u05d0",
        "\ufeff",
        "\ud800",
        "\udfff\ud800",
        "\x00",
        "\x1f",
        "\x7f",
        "\u2028",
        "\uffff",
    ),
    *(
        "1",
        "1.0",
        "true",
        "null",
        "NaN",
        "Infinity",
        "1_000",
        " 12 ",
        "\u0661\u0662",
        "+5",
        ".5",
        "5.",
        "0x10",
        "1e400",
    ),
    *(
        "i" * 256,
        "i" * 257,
        "é" * 128,
        "é" * 129,
        "😀" * 64,
        "a b",
        "a\nb",
        "é",
        "e\u0301",
        "\U0010ffff",
        '"',
        "\\",
        "/",
    ),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2024-02-30T00:00:00Z", "2024-01-15", "T", "0"),
    *("2024-01-15T10:00:00Z", "2024-01-15T10:00:00", "24-01-15T10:00:00Z", "2024-01-15\ud80010:00:00Z", "x" * 5_000),
)
names = st.sampled_from(TEXTS) | st.text(st.characters(), max_size=6)
texts = st.sampled_from(TEXTS) | st.text(st.characters(), max_size=20)
numbers = st.one_of(
    st.sampled_from(NUMBERS).map(Literal),
    st.integers().map(str).map(Literal),
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str).map(Literal),
    st.floats(allow_nan=False, allow_infinity=False).map(repr).map(Literal),
)
depths = st.builds(nested, st.sampled_from([1, 27, 28, 29, 30, 980, 1_000, 3_000, 100_000]), objects=st.booleans())
scalars = st.none() | st.booleans() | numbers | texts
junk = st.recursive(
    scalars | depths,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(names, inner), max_size=3).map(Members),
    max_leaves=6,
)
"""Anything that can stand in JSON, and some that cannot; write it by `text_of`."""

parsed = st.recursive(
    st.one_of(
        st.none() | st.booleans() | st.integers() | st.floats() | texts,
        st.sampled_from([10**400, -(10**38), 1e22, 0.1 + 0.2, 1e300, 5e-324]),
        st.decimals(allow_nan=False, allow_infinity=False),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
"""What some parser may have made of JSON."""


@st.composite
def mutated(draw: st.DrawFn, request: dict[str, Any], *, at_most: int = 3) -> dict[str, Any]:
    """A request with some members dropped, replaced or added, at the top or one level down."""
    changed = {name: dict(value) if isinstance(value, dict) else value for name, value in request.items()}
    for _ in range(draw(st.integers(0, at_most))):
        inner = [value for value in changed.values() if type(value) is dict]
        place = draw(st.sampled_from([changed, *inner]))
        known = st.sampled_from(sorted(place)) if place else st.nothing()
        match draw(st.sampled_from(["drop", "replace", "replace", "add"])):
            case "drop" if place:
                del place[draw(known)]
            case "replace" if place:
                place[draw(known)] = draw(junk)
            case _:
                place[draw(names)] = draw(junk)
    return changed


@st.composite
def spelled(draw: st.DrawFn, value: Any) -> str:
    """Its JSON text, now and then with a member twice or some damage."""
    if isinstance(value, dict) and value and draw(st.integers(0, 19)) == 0:
        value = Members([*value.items(), draw(st.sampled_from(sorted(value.items(), key=lambda member: member[0])))])
    text = text_of(value, ascii_only=draw(st.booleans()))
    match draw(st.integers(0, 39)):
        case 0:
            return "\ufeff" + text
        case 1:
            return text + draw(st.sampled_from([" ", "x", "{}", "\x00", "\u200b", ","]))
        case 2:
            return text[: draw(st.integers(0, min(len(text), 500)))]
        case 3:
            place = draw(st.integers(0, min(len(text), 500)))
            return text[:place] + draw(st.characters()) + text[place:]
    return text


@st.composite
def delivered(draw: st.DrawFn, text: str) -> Any:
    """The event that a function gets for a request text: invoked directly, or in one of the shapes with a body."""
    kind = draw(st.integers(0, 9))
    if kind < 4:
        try:
            return invoked(text)
        except (ValueError, RecursionError):
            return {"body": text}  # Lambda itself would have refused it
    return draw(st.sampled_from(bodies(text)))


@st.composite
def shapeless(draw: st.DrawFn, text: str) -> Any:
    """An event that carries a request text wrongly, or none at all."""
    body = draw(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.just([text]),
            st.just({"text": text}),
            texts,
            st.just(text),
            st.just(encoded(text)),
            st.just(encoded(text)[:-1]),
            st.sampled_from(["utf-8-sig", "utf-16", "utf-32", "utf-7"]).map(lambda encoding: encoded(text, encoding)),
            st.binary(max_size=30).map(lambda raw: encoded(raw.decode("latin-1"), "latin-1")),
        )
    )
    flag: Any = draw(st.sampled_from([True, True, False, None, "true", "false", 1, 0, [], [0], {}]))
    shape = draw(st.integers(0, 4))
    if shape == 0:
        return draw(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts, st.lists(texts, max_size=2)))
    if shape == 1:
        return {"body": body}
    if shape == 2:
        return {"body": body, "isBase64Encoded": flag}
    return (http_api if shape == 3 else rest_api)(body, is_base64=flag)
