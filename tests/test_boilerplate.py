"""Boilerplate is recognised and, more important, the article itself is kept."""

from __future__ import annotations

import pytest

from tagging.boilerplate import match_rules, recognise

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
    ],
)
def test_a_sentence_of_the_article_is_not_boilerplate(text: str) -> None:
    assert recognise([BODY[0], BODY[1], text, BODY[2]])[2] is None


def test_a_menu_before_the_headline_is_a_masthead() -> None:
    page = ["Northern Coast News", "Home News Sport", "Port asks who will pay for the ice", *BODY]
    assert recognise(page) == ["masthead", "masthead", None, None, None, None]


def test_a_headline_without_a_masthead_is_kept() -> None:
    assert recognise(["Port asks who will pay", *BODY])[0] is None


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


def test_a_box_in_the_middle_does_not_end_the_article() -> None:
    kinds = recognise(["A headline of some words", BODY[0], "Related stories", BODY[1], BODY[2]])
    assert kinds[3:] == [None, None]


def test_a_sentence_set_large_is_a_pull_quote() -> None:
    assert recognise(["A headline of some words", *BODY, "“the only matter worth the journey”"])[4] == "pull quote"


def test_a_short_line_between_paragraphs_is_a_heading() -> None:
    assert recognise(["A headline of some words", BODY[0], "What comes next", BODY[1]])[2] == "heading"


def test_an_article_of_sentences_has_no_boilerplate() -> None:
    assert recognise(BODY) == [None, None, None]
