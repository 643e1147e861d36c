"""The longer texts of the page about: how a forecast is made, and what the app keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bike_traffic.app.words import Words


def licence(words: Words) -> str:
    """Return under which licence the City publishes its counts."""
    return words.say(
        "The City of Paris publishes the hourly counts of its counters (“Comptage vélo - Données compteurs”) "
        "under the Open Database License (ODbL): who uses them names the City as their source, and shares a "
        "database that is derived from them under the same licence. For counts from elsewhere, the licence of "
        "their publisher holds."
    )


def how_it_is_made(words: Words) -> str:
    """Return how a forecast is made, as a list in Markdown; `docs/accuracy.md` has the figures."""
    return words.say(
        "- A model learns from past counts how many bikes pass each counter, by hour, weekday, season, public "
        "and school holidays.\n"
        "- For the hours after its newest count it is blended with the recent level: the mean of the last ten "
        "weeks, in which newer weeks count more. Days on which a counter was dead do not count.\n"
        "- “Ahead” also uses the newest counts and, if it is given, the weather.\n"
        "- The interval should hold 8 counts in 10. Its width comes from errors on months that the model had not "
        "seen; a single month was covered between 68 % and 90 %.\n"
        "- Every model is measured on four weeks that it had not seen, beside the mean of the four weeks before. "
        "Then it is fitted again on all counts.\n"
        "- What it cannot know: a strike, a closed street, a lockdown. The further ahead, and the older the "
        "newest count, the worse it gets."
    )


def sketch(words: Words) -> str:
    """Return what the map is."""
    return words.say(
        "The map is a sketch: an outline of Paris and the Seine drawn from about a hundred points of our own. It "
        "says where a place is, not how a street runs."
    )


def what_is_kept(words: Words) -> str:
    """Return what the app keeps of its readers, as a list in Markdown."""
    return words.say(
        "- Nothing about its readers: no account, no statistics. The browser asks no other server for anything.\n"
        "- A file that you upload is kept until you remove it or your session ends, and no longer; no other "
        "reader sees it.\n"
        "- One cookie, `_streamlit_xsrf`: it protects uploads from other sites and ends when you close the "
        "browser. The browser itself remembers which theme, light or dark, you chose.\n"
        "- What you chose on a page stands in its address, so that you can share it."
    )
