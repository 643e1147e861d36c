"""The words of the app: every text in French, numbers and dates as the reader writes them, foreign text as text."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from bike_traffic.app.words import plain, words_of

APP = Path(__file__).parents[2] / "app"
FRENCH = APP / "locale" / "fr" / "LC_MESSAGES"
KEYWORDS = {"say": None, "plural": (1, 2)}


def french() -> Catalog:
    """Return the French catalogue of the pages."""
    joined = Catalog(locale="fr")
    for path in sorted(FRENCH.glob("*.po")):
        if path.name != "errors.po":
            with path.open("rb") as file:
                for message in read_po(file, locale="fr"):
                    if message.id:
                        joined.add(message.id, message.string)
    return joined


def texts_of_the_app() -> set[str | tuple[str, str]]:
    """Return the texts in the code, as babel extracts them."""
    found = extract_from_dir(APP, method_map=[("**.py", "python")], keywords=KEYWORDS)
    return {message if isinstance(message, str) else (message[0], message[1]) for _, _, message, _, _ in found}


def fields(text: str) -> set[str]:
    """Return the named fields of a message."""
    return set(re.findall(r"\{(\w+)\}", text))


def forms(text: object) -> list[str]:
    """Return a text, or the forms of one for different numbers."""
    return [text] if isinstance(text, str) else [str(one) for one in text] if isinstance(text, list | tuple) else []


def test_every_text_of_the_code_is_in_the_french_catalogue_and_nothing_else_is() -> None:
    catalogue = {
        message.id if isinstance(message.id, str) else (message.id[0], message.id[1])
        for message in french()
        if message.id
    }
    assert texts_of_the_app() - catalogue == set()
    assert catalogue - texts_of_the_app() == set()


def test_every_text_has_a_french_form_with_the_same_fields() -> None:
    for message in french():
        translations = forms(message.string)
        assert all(translations), message.id
        wanted = {field for text in forms(message.id) for field in fields(text)}
        assert {field for text in translations for field in fields(text)} == wanted, message.id


def test_a_colon_and_its_like_have_a_space_in_front_that_does_not_break() -> None:
    for path in sorted(FRENCH.glob("*.po")):
        with path.open("rb") as file:
            messages = [message for message in read_po(file, locale="fr") if message.id]
        for text in [form for message in messages for form in forms(message.string)]:
            assert not re.search(r"[^\s\u00a0\u202f:][:;!?](\s|$)| [:;!?%»]|« ", text), text


@pytest.mark.parametrize(
    ("language", "number", "share", "day", "hour"),
    [
        ("fr", "6\u202f770,5", "83\u00a0%", "mardi 15 juin 2021", "8\u00a0h"),
        ("en", "6,770.5", "83%", "Tuesday 15 June 2021", "8:00"),
    ],
)
def test_numbers_and_dates_are_in_the_readers_form(
    language: str, number: str, share: str, day: str, hour: str
) -> None:
    words = words_of("fr" if language == "fr" else "en")
    shown = (words.number(6770.5, 1), words.percent(0.83), words.date(pd.Timestamp("2021-06-15")), words.hour(8))
    assert shown == (number, share, day, hour)


def test_ranks_and_first_days_of_months_are_ordinals_in_french() -> None:
    french, english = words_of("fr"), words_of("en")
    assert [french.ordinal(rank) for rank in (1, 2, 21)] == ["1er", "2e", "21e"]
    assert [english.ordinal(rank) for rank in (1, 2, 3, 4, 11, 22)] == ["1st", "2nd", "3rd", "4th", "11th", "22nd"]
    first = pd.Timestamp("2021-05-01")
    assert [french.date(first, form) for form in ("full", "medium")] == ["samedi 1er mai 2021", "1er mai 2021"]
    assert english.date(first) == "Saturday 1 May 2021"


def test_foreign_text_has_no_markdown_left() -> None:
    assert plain("![x](http://a.b/c.png) `d`\n**e** :red[f] $g$") == (
        r"\!\[x\]\(http\:" "\N{WORD JOINER}" r"\/\/a\.b\/c\.png\) \`d\` \*\*e\*\* \:red\[f\] \$g\$"
    )


@pytest.mark.parametrize("address", ["http://a.b/c", "HTTPS://a.b", "www.a.b", "me@a.b"])
def test_a_bare_address_is_broken_where_markdown_would_make_it_a_link(address: str) -> None:
    assert re.search("\N{WORD JOINER}", plain(address))


def test_no_page_shows_html_of_its_own() -> None:
    files = [
        path for path in APP.rglob("*.py") if "unsafe_allow_html" in path.read_text() or "st.html" in path.read_text()
    ]
    assert files == []


def test_the_words_need_no_streamlit() -> None:
    code = "import sys, bike_traffic.app.words; sys.exit('streamlit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=600).returncode == 0
