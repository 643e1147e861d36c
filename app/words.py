"""The words of the app in the reader's language: French first, English one click away."""

from __future__ import annotations

import datetime
import gettext
import io
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, Protocol

import attrs
from babel import Locale, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from bike_traffic.errors import BikeTrafficError

Language = Literal["fr", "en"]
LANGUAGES: dict[Language, str] = {"fr": "Français", "en": "English"}
"""The name of each language in itself."""

NAMED = 5
"""How many of a list inside a message are named: a file may have thousands of counters."""

_LOCALES = {"fr": "fr_FR", "en": "en_GB"}
_DATES = {
    "full": {"fr": "EEEE d MMMM y", "en": "EEEE d MMMM y"},
    "medium": {"fr": "d MMM y", "en": "d MMM y"},
    "short": {"fr": "dd/MM", "en": "d MMM"},
    "weekday": {"fr": "EEE d", "en": "EEE d"},
    "month": {"fr": "MMMM y", "en": "MMMM y"},
}
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>$:<&@/])")
"""What Streamlit's Markdown does not show as it is: emphasis, links, pictures, formulas, icons, colours."""
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
"""Where an address is broken by a character without width: Markdown makes links of bare ones, escaped or not."""


class DescribedFault(Protocol):
    """What `Words.fault` needs of a fault: see `bike_traffic.data.check.Fault`."""

    @property
    def id(self) -> str:
        """The id of the rule that rows break."""


@attrs.frozen(eq=False)
class Words:
    """Messages, numbers and dates in one language.

    The texts in the code are English, and the French ones stand in ``locale/fr/LC_MESSAGES``.
    """

    language: Language
    locale: Locale
    _messages: gettext.NullTranslations

    def say(self, message: str, /, **values: object) -> str:
        """Return a message; `values` take the places of its named fields."""
        return self._messages.gettext(message).format(**values) if message else ""

    def plural(self, one: str, several: str, number: float, /, **values: object) -> str:
        """Return the message for a number of things."""
        return self._messages.ngettext(one, several, int(number)).format(**values)

    def number(self, value: float, decimals: int = 0) -> str:
        """Return a number with the separators of the language, rounded."""
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        return numbers.format_decimal(value, pattern, locale=self.locale)

    def percent(self, share: float, decimals: int = 0) -> str:
        """Return a share as a percentage: .25 is 25 %."""
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        # The space before the sign is French.
        return numbers.format_percent(
            share, pattern + ("\N{NO-BREAK SPACE}%" if self.language == "fr" else "%"), locale=self.locale
        )

    def change(self, share: float) -> str:
        """Return a change as a percentage with its sign: .12 is +12 %."""
        sign = "+" if share > 0 else "\N{MINUS SIGN}" if round(share, 2) < 0 else ""
        return sign + self.percent(abs(share))

    def skill(self, skill: float) -> str:
        """Return by how much an error is smaller than that of the four-week mean."""
        share = self.percent(abs(skill))
        if skill > 0:
            return self.say("better than the mean of four weeks by {share}", share=share)
        return self.say("worse than the mean of four weeks by {share}", share=share)

    def ordinal(self, rank: int) -> str:
        """Return a rank, such as ``1er`` or ``22nd``."""
        shown = self.number(rank)
        if self.language == "fr":
            return shown + ("er" if rank == 1 else "e")
        teens = rank % 100 in (11, 12, 13)
        return shown + ("th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th"))

    def date(self, day: datetime.date | pd.Timestamp, form: str = "full") -> str:
        """Return a day: ``full``, ``medium``, ``short``, ``weekday`` or ``month``."""
        pattern = _DATES[form][self.language]
        if self.language == "fr" and day.day == 1:
            pattern = pattern.replace("d MMM", "d'er' MMM")  # le 1er mai
        return dates.format_date(datetime.date(day.year, day.month, day.day), pattern, locale=self.locale)

    def weekday(self, number: int, *, short: bool = False) -> str:
        """Return the name of a day of the week; 0 is Monday."""
        return str(self.locale.days["stand-alone"]["abbreviated" if short else "wide"][number])

    def hour(self, hour: int) -> str:
        """Return an hour of the day: ``8 h`` or ``8:00``."""
        return f"{hour}\N{NO-BREAK SPACE}h" if self.language == "fr" else f"{hour}:00"

    def moment(self, time: pd.Timestamp) -> str:
        """Return a local day and hour."""
        return self.say("{day} at {hour}", day=self.date(time, "medium"), hour=self.hour(time.hour))

    def error(self, error: BikeTrafficError) -> str:
        """Return the message of an error by its id."""
        return self._by_id("error", error.id, str(error), error.parts)

    def fault(self, fault: DescribedFault) -> str:
        """Return the message of a fault of a file by its id."""
        parts = attrs.asdict(fault)  # type: ignore[arg-type]  # every fault is an attrs class
        if parts.get("example") == "empty" and self.language == "fr":
            parts["example"] = self._messages.pgettext("fault", "empty")
        return self._by_id("fault", fault.id, str(fault), parts)

    def _by_id(self, context: str, name: str, message: str, parts: Mapping[str, Any]) -> str:
        if self.language == "en":
            return message
        translated = self._messages.pgettext(context, name)
        try:
            if translated == name:
                raise KeyError(name)
            return translated.format(**{key: self._part(value) for key, value in parts.items()})
        except (KeyError, IndexError):
            return self.say("(in English) {message}", message=message)

    def _part(self, value: object) -> str:
        """Return a value inside a message."""
        if isinstance(value, bool) or value is None:
            return str(value)
        if isinstance(value, int | float):
            return self.number(value) if float(value).is_integer() else str(value)
        if isinstance(value, list | tuple | set | frozenset):
            named = [self._part(one) for one in list(value)[:NAMED]]
            return ", ".join(named + (["…"] if len(value) > NAMED else []))
        return str(value)


@cache
def words_of(language: Language) -> Words:
    """Return the words of a language."""
    return Words(language, Locale.parse(_LOCALES[language]), _catalogue(language))


def _catalogue(language: Language) -> gettext.NullTranslations:
    """Read the catalogues; English has none, since the texts in the code are English."""
    translations = gettext.NullTranslations()
    folder = files("bike_traffic.app") / "locale" / language / "LC_MESSAGES"
    if not folder.is_dir():
        return translations
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        compiled = io.BytesIO()
        write_mo(compiled, read_po(io.BytesIO(path.read_bytes()), locale=language))
        compiled.seek(0)
        catalogue = gettext.GNUTranslations(compiled)
        catalogue.add_fallback(translations)
        translations = catalogue
    return translations


def plain(text: object) -> str:
    """Return a text that others wrote so that Streamlit's Markdown shows it letter by letter, in one line."""
    return _SPECIAL.sub(r"\\\1", _ADDRESS.sub("\N{WORD JOINER}", " ".join(str(text).split())))
