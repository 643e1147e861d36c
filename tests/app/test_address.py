"""Every view is a link: what a link says is read, kept, checked and written back."""

from __future__ import annotations

from typing import Any

from bike_traffic.app.address import Address, change

COLOURS = {"red": 1, "blue": 2}


def test_a_parameter_of_the_link_is_read_and_written_back() -> None:
    query, session = {"colour": "blue"}, dict[str, Any]()
    address = Address(query, session)
    assert address.one_of("colour", COLOURS, 0) == 2
    address.write()
    assert query == {"colour": "blue"}


def test_a_value_that_does_not_exist_gives_the_default_and_is_told() -> None:
    query, session = {"colour": "green"}, dict[str, Any]()
    address = Address(query, session)
    assert address.one_of("colour", COLOURS, 1) == 1
    assert address.dropped == {"colour": "green"}
    address.write()
    assert query == {}


def test_a_choice_is_in_the_link_and_the_default_is_not() -> None:
    query, session = dict[str, str](), dict[str, Any]()
    Address(query, session).write()
    for text, expected in (("blue", {"colour": "blue"}), (None, {})):
        change(session, "colour", text)
        address = Address(query, session)
        address.one_of("colour", COLOURS, 1)
        address.write()
        assert query == expected


def test_a_parameter_stays_from_page_to_page_although_streamlit_empties_the_link() -> None:
    session = dict[str, Any]()
    first = Address({"colour": "blue"}, session)
    first.one_of("colour", COLOURS, 1)
    first.write()
    elsewhere = Address({}, session)
    elsewhere.write()
    back = Address({}, session)
    assert back.one_of("colour", COLOURS, 1) == 2


def test_another_link_replaces_what_was_chosen() -> None:
    session = dict[str, Any]()
    first = Address({"colour": "blue", "size": "1"}, session)
    first.one_of("colour", COLOURS, 1)
    first.write()
    second = Address({"colour": "red"}, session)
    assert (second.one_of("colour", COLOURS, 0), second.read("size", int, 0)) == (1, 0)


def test_only_what_the_page_uses_is_in_its_link() -> None:
    query = {"colour": "blue", "unknown": "x"}
    address = Address(query, {})
    address.one_of("colour", COLOURS, 1)
    address.write()
    assert query == {"colour": "blue"}


def test_a_choice_is_kept_if_it_ends_the_rerun_in_which_the_link_was_read() -> None:
    query, session = {"colour": "blue"}, dict[str, Any]()
    Address(query, session)  # and no `write`
    change(session, "size", "7")
    assert Address(query, session).read("size", int, 0) == 7


def test_a_choice_wins_over_a_link_that_the_browser_has_not_yet_renewed() -> None:
    query, session = {"colour": "red"}, dict[str, Any]()
    first = Address(query, session)
    first.one_of("colour", COLOURS, 1)
    first.write()
    change(session, "size", "7")
    second = Address(query, session)
    second.read("size", int, 0)
    second.write()
    change(session, "colour", "blue")
    late = Address({"colour": "red"}, session)  # the link of the first rerun
    assert (late.one_of("colour", COLOURS, 0), late.read("size", int, 0)) == (2, 7)


def test_the_link_that_the_reader_goes_back_to_is_taken_over() -> None:
    session = dict[str, Any]()
    for colour in ("red", "blue"):
        address = Address({"colour": colour}, session)
        address.one_of("colour", COLOURS, 0)
        address.write()
    assert Address({"colour": "red"}, session).one_of("colour", COLOURS, 0) == 1
