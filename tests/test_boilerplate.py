"""Boilerplate is recognised and, more important, the article itself is kept."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from tagging import boilerplate, boilerplate_rules
from tagging.boilerplate import recognise
from tagging.boilerplate_rules import match_rules, rules

BODY = [
    "The two delegations met for an hour in a side room, and agreed to meet again before the end of May.",
    "Neither side spoke of the frontier, which both had called the only matter worth the journey.",
    "A spokeswoman said that the talks had been useful, and that nobody had expected more of them.",
]


@pytest.mark.parametrize(
    "text",
    [
        "Skip to main content",
        "By A. Correspondent",
        "Our Foreign Staff in Geneva",
        "By Jane Roe and John Doe, Staff Writers",
        "Published: 4 March 2024, 07:15 | Updated 2 hours ago",
        "March 3, 2017 6:42 PM GMT · Updated 7 years ago",
        "3 min read",
        "Share on Facebook",
        "Facebook Twitter WhatsApp Email",
        "Advertisement",
        "Story continues below",
        "Sign up for our weekly newsletter and never miss a story.",
        "Get the day's headlines delivered to your inbox.",
        "Read more: Ferry strike enters second week",
        "Related stories",
        "The harbour at dusk. (Photo: Harbour board)",
        "An envoy waves to reporters. A Photographer/AFP/Getty Images",
        "Reporting by Our Bureau; editing by The Desk",
        "© 2024 Northern Coast News. All rights reserved.",
        "We use cookies to improve your experience.",
        "Comments are closed.",
        "Follow her on Twitter @example",
        "The views expressed here are those of the author.",
        "Correction: an earlier version of this article gave the wrong date.",
        "Tags: ferry, harbour, ice",
        "World › Europe › North",
        "* * *",
        "Was this forwarded to you? Subscribe here.",
        "ADVERTISEMENT - CONTINUE READING BELOW",
        "Save up to 30% on garden chairs until Sunday. Shop now.",
        "If you buy something through our links, the publisher may earn a small commission.",
        "Click here to see all our stories about the strike",
        "WATCH | What the captain saw",
        "GET THE FERRY APP FOR LIVE ALERTS",
        "For the latest headlines, download the Northern Coast app for your phone.",
        "To read the full story, please log in or subscribe.",
        "You have reached your limit of three free articles this month.",
        "Get unlimited access for 2 euros a week. Cancel anytime.",
        "This copy is for your personal, non-commercial use only. For reprints write to the reprints desk.",
        "Ann Poe and Max Roe contributed reporting from Northport.",
        "Did you enjoy this? Like this story? Send it to a friend!",
        "Readers like you make our work possible.",
        "Follow us on Facebook and Twitter for more.",
        "Find us on Instagram.",
        "Write to Ann Poe at ann.poe@example.org",
        "3/12 The old pier in the spring of 1911. Harbour archive",
        "Northport, Coast Bureau | Updated: 19 November 2019, 09:01 AM",
        "In this May 3, 2012, file photo, a ferry leaves the old pier.",
    ],
)
def test_boilerplate_is_recognised_by_its_own_words(text: str) -> None:
    assert match_rules(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "That changed in March.",
        '"We are not there yet," the envoy said.',
        "The paper sent a newsletter to its subscribers on the day the treaty was signed, and then fell silent.",
        "Four more states signed up to the treaty on Monday, bringing the number to sixty.",
        "GENEVA (Reuters) - Talks on the frontier resumed on Tuesday after a week's pause, officials said.",
        "The ministry did not respond to a request for comment.",
        "The author of the report is a senior fellow at an institute in the capital, which published it in May.",
        "By Sunday the army had withdrawn from the bridge. Nobody cheered.",
        "The talks broke down, according to Reuters.",
        "Photographs of the meeting show an empty chair.",
        "Share prices of the yard fell by a third on the news.",
        "Searches of two flats began at dawn.",
        "Copyright was the last chapter that the negotiators left open.",
        "The foreign ministry said on 4 March 2024 that it would not sign.",
        "Registration of voters begins today in the northern districts, the commission said.",
        "They printed the leaflets by night.",
        "The owners would like us to believe that the pier has paid for itself on the strength of its name.",
        "Skippers join us in asking why the channel is still closed to boats of that size.",
        "He reached us by radio on Sunday, and the mayor will write to us here in May.",
        "Gulls followed us on the channel, and we could find us on no chart.",
        "The company changed its privacy policy and its terms of service after the leak, the regulator said.",
        "Two of the letters to the editor came from the minister himself.",
        "The museum sued Getty Images.",
        "She kept one image: a door in the rain.",
        "Citizens download the state app to pay their fares, and most of them complain about it.",
        "Share prices fell, and traders who had hoped to buy now say that they will wait.",
        "The talks ended 3/12 in favour of the north, a clerk said.",
        "The union registered forty complaints by e-mail before the digest of the inquiry was printed.",
        "To read the treaty is to join the few who have.",
        "Subscribers to the old theory will not like this book.",
        "The paper is supported by its readers and by a fund of the state.",
        "Follow us to the end of the pier and see for yourself what the storm has left.",
    ],
)
def test_a_sentence_of_the_article_is_not_boilerplate(text: str) -> None:
    assert recognise([BODY[0], BODY[1], text, BODY[2]])[2] is None


def test_a_menu_before_the_headline_is_a_masthead() -> None:
    page = ["Northern Coast News", "Home News Sport", "Port asks who will pay for the ice", *BODY]
    assert recognise(page) == ["masthead", "masthead", "headline", None, None, None]


def test_the_headline_is_not_a_passage() -> None:
    assert recognise(["Port asks who will pay", *BODY]) == ["headline", None, None, None]


@pytest.mark.parametrize(
    "headline", ["Weekly briefing: talks, hacks and a cold spring", "Harbour board: Who will pay for the ice?"]
)
def test_a_headline_may_have_a_colon(headline: str) -> None:
    assert recognise([headline, *BODY]) == ["headline", None, None, None]
    assert recognise(["Skip to content", headline, "By Staff Reporter", *BODY])[1:4] == ["headline", "byline", None]
    assert recognise(["The Harbour Herald", headline, *BODY])[:3] == ["masthead", "headline", None]
    assert recognise([headline, *BODY, headline]) == ["headline", None, None, None, "repeated"]


@pytest.mark.parametrize(
    "line", ["Author: Jane van der Smith of the Herald", "Location: the northern harbour of Vardo"]
)
def test_a_line_with_a_colon_below_the_headline_does_not_take_its_place(line: str) -> None:
    assert recognise(["Port asks who will pay", line, *BODY]) == ["headline", None, None, None, None]


@pytest.mark.parametrize(
    "others",
    [
        ["The clerk: I have the bill in my hand, and the harbour board is to pay all of it by May."],
        [BODY[0], "The clerk: the harbour board", BODY[1]],
        ["A line below it", *BODY],
        [],
    ],
)
def test_a_first_turn_is_no_headline_unless_prose_follows_in_which_nobody_else_speaks(others: list[str]) -> None:
    assert recognise(["The mayor: who will pay for it?", *others])[0] is None


def test_with_a_known_title_only_a_line_with_its_words_is_the_headline() -> None:
    assert recognise(["The talks have failed", *BODY], title="Port asks who will pay") == [None] * 4
    assert recognise(["Port asks: who will pay?", *BODY], title="Port asks who will pay")[0] == "headline"


@pytest.mark.parametrize(
    "first",
    [
        "Q. Who pays for the pier?",
        "Q: Who pays for the pier?",
        "The minister: I shall pay for the pier myself.",
        'The minister: "I shall pay for the pier myself."',
        "MOSCOW: The port asks the state to pay for the ice.",
        "HARWICH: The port will pay for the pier and for all of its ice after three weeks of talks",
        "Source: the harbour",
        "[10:01] anna: I would keep the pier",
        "@harbour the pier is a scandal",
    ],
)
def test_the_first_turn_of_a_dialogue_is_no_headline(first: str) -> None:
    assert recognise([first, *BODY]) == [None] * 4


def test_a_line_repeated_at_once_is_a_caption() -> None:
    kinds = recognise([BODY[0], "The envoy at the gate", "The envoy at the gate", BODY[1]])
    assert kinds == [None, "caption", "repeated", None]


def test_a_run_of_short_lines_is_a_list_of_links() -> None:
    links = ["Ferry strike enters second week", "Council to vote on school meals", "Where to see the lights"]
    assert recognise(["A headline of some words", *BODY, *links])[4:] == ["link list"] * 3


def test_a_list_in_the_article_is_kept() -> None:
    items = ["• Ships are taking the long way round", "• Freight costs twice as much", "• Nobody expects an early end"]
    assert recognise(["A headline of some words", *BODY[:2], "The week in short:", *items, BODY[2]])[4:7] == [None] * 3


def test_paragraphs_after_the_authors_note_are_after_the_end() -> None:
    note = "Jane Roe joined in 2018 and has written four novels about harbours, of which two were filmed."
    assert recognise(["A headline of some words", *BODY, "About the author", note])[4:] == [
        "author note",
        "after the end",
    ]


def test_a_line_that_begins_with_about_does_not_end_the_article() -> None:
    assert recognise(["A headline of some words", *BODY, "About forty people came", "Nobody spoke"])[4:] == [None, None]


def test_the_companys_note_on_itself_is_after_the_end() -> None:
    note = "Northern Yards is a builder of ferries with two hundred workers and an office in the old customs house."
    assert recognise(["A headline of some words", *BODY, "About Northern Yards", note])[4:] == [
        "link list",
        "after the end",
    ]


def test_a_box_in_the_middle_does_not_end_the_article() -> None:
    kinds = recognise(["A headline of some words", BODY[0], "Related stories", BODY[1], BODY[2]])
    assert kinds[3:] == [None, None]


def test_a_sentence_set_large_is_a_pull_quote() -> None:
    assert recognise(["A headline of some words", *BODY, "“the only matter worth the journey”"])[4] == "pull quote"


def test_a_short_line_between_paragraphs_is_kept() -> None:
    assert recognise(["A headline of some words", BODY[0], "What comes next", BODY[1]])[1:] == [None, None, None]


@pytest.mark.parametrize(
    "lines",
    [
        ["Ferry stays in port", "The crew has refused to sail", "Nobody was told on the quay", "Two buses came at ten"],
        [
            "PORT BRIEFING",
            "THE MINISTER: Good morning.",
            "QUESTION: Will you resign?",
            "THE MINISTER: No",
            "QUESTION: Why not",
        ],
        ["How they voted", BODY[0], "In favour: Alba, Brisa, Corva", "Against: Dorn", "Abstaining: Elm, Fara", BODY[1]],
        ["The three demands", BODY[0], "- Lower fees", "- A second pier", "- An end to night sailings", BODY[1]],
        ["The programme", BODY[0], "9 June: Northport", "10 June: Southport", "14 June: Westport", BODY[1]],
        [
            "The reply",
            BODY[0],
            "Then she stood up and said,",
            "“We will see”",
            "and closed the door behind her.",
            BODY[1],
        ],
    ],
)
def test_short_lines_of_the_article_are_kept(lines: list[str]) -> None:
    assert recognise(lines) == ["headline", *[None] * (len(lines) - 1)]


@pytest.mark.parametrize("sentence", ["No. It is not.", "SPEAKER: Thank you."])
def test_a_short_sentence_may_be_said_twice(sentence: str) -> None:
    assert recognise(["A headline of some words", BODY[0], sentence, BODY[1], sentence])[1:] == [None] * 4


def test_a_row_of_labels_with_separators_is_a_menu_however_long_it_is() -> None:
    for count in (3, 4, 15, 400):
        assert match_rules(" | ".join(["Home", "World", "U.S."] * count) + ".") == "navigation"


def test_the_rows_of_a_table_in_markdown_are_left_out() -> None:
    assert [match_rules(line) for line in ("| Member | Vote |", "|---|---|", "| North | for the pier |")] == [
        "table",
        "ornament",
        "table",
    ]


def test_the_rules_run_on_an_engine_of_linear_time() -> None:
    for rule in rules():
        assert re2.compile(rule.pattern)
    assert "import re\n" not in Path(boilerplate_rules.__file__).read_text()
    assert "import re\n" not in Path(boilerplate.__file__).read_text()


def test_a_rule_says_why_it_spares_prose() -> None:
    data = tomllib.loads(boilerplate_rules.RULES_FILE.read_text(encoding="utf-8"))
    assert all(rule["why"].endswith(".") for rule in [*data["paragraphs"], *data["elements"], *data["lines"].values()])


@settings(deadline=None)
@given(st.lists(st.text(max_size=60).filter(str.strip), max_size=12), st.none() | st.text(max_size=20))
def test_every_paragraph_has_a_kind_or_none(paragraphs: list[str], title: str | None) -> None:
    assert len(recognise(paragraphs, title)) == len(paragraphs)


def test_an_article_of_sentences_has_no_boilerplate() -> None:
    assert recognise(BODY) == [None, None, None]
