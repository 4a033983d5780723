"""The article of a web page is read whole, and nothing else of the page."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.errors import DemarcheError
from tagging.pages.page import read_page

TITLE = "Ferry town votes on the new pier"
BODY = [
    "The council of the ferry town voted on Tuesday to build a second pier, after six years of argument over its cost.",
    "Fishermen had filled the gallery since noon, and most of them left without a word when the result was read out.",
    "“We asked for dredging and they gave us concrete,” said a skipper who has moored in the old basin for thirty years.",
    "The mayor answered that dredging alone would have closed the harbour for two seasons, and that nobody had offered to pay.",
    "Work is to begin in March, once the last of the winter storms has passed and the contractor has brought its barges north.",
    "A second vote, on who may berth at the new pier, has been put off until the summer, when the visitors have left again.",
]
OTHERS = [
    "Bakers in the valley say that flour has never cost so much, and that the price of bread will have to follow in May.",
    "A museum in the capital has found a map of the northern coast that was drawn by a whaler some three centuries ago.",
    "The cup final was moved to Sunday after the rain had turned the pitch of the old stadium into a lake overnight.",
    "Doctors on the islands are to get a helicopter of their own, which the ministry had promised them twelve years ago.",
]


def paragraphs(texts: list[str], tag: str = "p") -> str:
    return "".join(f"<{tag}>{text}</{tag}>" for text in texts)


def page(body: str, *, head: str = "", after: str = "") -> str:
    return (
        f'<!DOCTYPE html><html lang="en"><head><title>{TITLE} | The Northern Coast</title>{head}</head><body>'
        '<header><a href="/">The Northern Coast</a><nav><a href="/n">News</a> <a href="/s">Sport</a></nav></header>'
        f"{body}{after}<footer><p>© 2024 The Northern Coast. All rights reserved.</p></footer></body></html>"
    )


def read(html: str) -> list[str]:
    return read_page(html.encode()).text.split("\n\n")


ARTICLE = f"<article><h1>{TITLE}</h1>{paragraphs(BODY)}</article>"


def test_the_headline_is_the_title_and_not_a_paragraph() -> None:
    result = read_page(page(ARTICLE).encode())
    assert result.title == TITLE
    assert result.text.split("\n\n") == BODY


@pytest.mark.parametrize(
    "body",
    [
        ARTICLE,
        f"<h1>{TITLE}</h1>{paragraphs(BODY)}",
        f"<div><h1>{TITLE}</h1>{paragraphs(BODY, 'div')}</div>",
        f"<main><h1>{TITLE}</h1><section>{paragraphs(BODY[:2])}</section><section>{paragraphs(BODY[2:])}</section></main>",
        f"<article><h1>{TITLE}</h1><div>{paragraphs(BODY[:3])}</div><div class='ad'>Advertisement</div><div>{paragraphs(BODY[3:])}</div></article>",
        f"<h1>{TITLE}</h1><p class='lead'>{BODY[0]}</p><article>{paragraphs(BODY[1:])}</article>",
        f"<div class='top'><h1>{TITLE}</h1><div class='intro'>{BODY[0]}</div></div><div class='article-body'>{paragraphs(BODY[1:])}</div>",
        f"<article><h1>{TITLE}</h1>{paragraphs(BODY[:3])}<aside>{paragraphs(BODY[3:])}</aside></article>",
        f"<aside><h1>{TITLE}</h1>{paragraphs(BODY)}</aside>",
        f"<form action='/'><h1>{TITLE}</h1>{paragraphs(BODY)}</form>",
        f"<table><tr><td><h1>{TITLE}</h1>{paragraphs(BODY)}</td></tr></table>",
        f"<h1>{TITLE}</h1><div>{'<br><br>'.join(BODY)}</div>",
        f"<article class='has-sidebar'><h1>{TITLE}</h1><div class='story with-gallery'>{paragraphs(BODY)}</div></article>",
        f"<app-root><story-page><h1>{TITLE}</h1><story-body>{paragraphs(BODY)}</story-body></story-page></app-root>",
        f"<article><h1>{TITLE}</h1>{paragraphs(BODY[:2])}<blockquote><p>{BODY[2]}</p></blockquote>{paragraphs(BODY[3:])}</article>",
    ],
)
def test_the_body_is_read_wherever_it_stands(body: str) -> None:
    assert read(page(body)) == BODY


def test_a_single_paragraph_without_a_full_stop_is_read() -> None:
    line = BODY[0].rstrip(".")
    assert read(page(f"<article><h1>{TITLE}</h1><p>{line}</p></article>")) == [line]


TEASERS = "".join(
    f'<div><h3><a href="/{n}">Story number {n} of the day</a></h3><p>{text}</p></div>' for n, text in enumerate(OTHERS)
)
LINKS = "".join(f'<li><a href="/{n}">{" ".join(text.split()[:8])}</a></li>' for n, text in enumerate(OTHERS))


@pytest.mark.parametrize(
    "after",
    [
        f"<section class='related'><h2>Related stories</h2>{paragraphs(OTHERS)}</section>",
        f"<div class='most-read'><h2>Most read</h2><ol>{paragraphs(OTHERS, 'li')}</ol></div>",
        f"<section>{TEASERS}</section>",
        f"<aside><h2>Latest news</h2><ul>{LINKS}</ul></aside>",
        f"<h2>More from The Northern Coast</h2><ul>{LINKS}</ul>",
        f"<article><h2><a href='/o'>Flour has never cost so much</a></h2>{paragraphs(OTHERS)}</article>",
        f"<article><h1>Flour has never cost so much</h1>{paragraphs(OTHERS)}</article>",
        f"<div class='gallery'><ul>{''.join(f'<li>{n}/4 {text} Getty</li>' for n, text in enumerate(OTHERS, 1))}</ul></div>",
        f"<div>{''.join(f'<div><b>{n} / 4</b><p>{text}</p></div>' for n, text in enumerate(OTHERS, 1))}</div>",
        f"<ul>{''.join(f'<li>Slide {n} of 4: {text}</li>' for n, text in enumerate(OTHERS, 1))}</ul>",
        f"<div>{''.join(f'<div><a href=/o>A title of another story</a><p>{text}</p></div>' for text in OTHERS)}</div>",
        f"<h3>More from The Northern Coast</h3>{paragraphs(OTHERS)}",
        f"<div><h3>Most read</h3>{paragraphs(OTHERS)}</div>",
        "<p><b>Read more: <a href='/1'>Flour has never cost so much</a></b></p><p><a href='/2'>The cup final was moved</a></p>",
        f"<div class='slideshow'>{paragraphs(OTHERS * 4, 'figcaption')}</div>",
        f"<ul>{''.join(f'<li>{n}/4 {text}</li>' for n, text in enumerate(OTHERS, 1))}</ul>",
        f"<div id='comments'><h3>2 comments</h3>{paragraphs(OTHERS)}</div>",
        "<div><h2>Subscribe to continue reading</h2><p>Get unlimited access for 1 euro a month. Cancel anytime.</p></div>",
        "<p>This copy is for your personal, non-commercial use only. To order copies visit the reprints desk.</p>",
        "<p>Share this article</p><p>Share on Facebook</p>",
        "<p>Save up to 40% on winter boots while stocks last. Shop now.</p>",
        "<table><tr><th>Member</th><th>Vote</th></tr><tr><td>North</td><td>For the pier, as before</td></tr>"
        "<tr><td>South</td><td>Against the pier, as ever</td></tr></table>",
        "<noscript>You need to enable JavaScript to run this app.</noscript>",
    ],
)
@pytest.mark.parametrize("is_inside", [False, True])
def test_other_stories_and_lines_of_the_publisher_are_left_out(after: str, is_inside: bool) -> None:
    if is_inside:
        if "<article" in after:
            pytest.skip("an article inside the article")
        html = page(f"<article><h1>{TITLE}</h1>{paragraphs(BODY)}{after}</article>")
    else:
        html = page(ARTICLE, after=after)
    assert read(html) == BODY


@pytest.mark.parametrize(
    "card",
    [
        '<span class="person"><a href="/m">mayor</a><span class="person-popover"><b>The mayor</b> In office since 2015 MORE</span></span>',
        '<a href="/m">mayor</a><span class="tooltip">In office since 2015</span>',
        '<a href="/m">mayor</a><span hidden>In office since 2015</span>',
        '<a href="/m">mayor</a><span style="display: none">In office since 2015</span>',
        '<span><a href="/m">mayor</a><span><img src="m.jpg"><a href="/m">The mayor</a> <a href="/1">Mayor opens school</a></span></span>',
        '<a href="/m">mayor</a><div class="hover-card" aria-hidden="true"><p>In office since 2015.</p></div>',
        '<abbr class="tooltip" title="In office since 2015">mayor</abbr>',
    ],
)
def test_a_hidden_card_does_not_break_a_sentence(card: str) -> None:
    sentence = BODY[3].replace("mayor", card, 1)
    html = page(f"<article><h1>{TITLE}</h1>{paragraphs([*BODY[:3], sentence, *BODY[4:]])}</article>")
    assert read(html) == BODY


def test_a_sentence_in_several_divs_is_one_paragraph() -> None:
    inline = "<div>The council of the ferry town </div><div>voted </div><div>on Tuesday</div><div>, after a long debate.</div>"
    assert read(page(f"<article><h1>{TITLE}</h1>{inline}{paragraphs(BODY[1:], 'div')}</article>"))[1:] == BODY[1:]


_NEWS = {"@context": "https://schema.org", "@type": "NewsArticle", "headline": TITLE}


@pytest.mark.parametrize(
    "head",
    [
        f'<script type="application/ld+json">{json.dumps({**_NEWS, "articleBody": chr(10).join(BODY)})}</script>',
        f'<script type="application/ld+json">{json.dumps({"@graph": [{"@type": "WebSite"}, {**_NEWS, "articleBody": chr(10).join(BODY)}]})}</script>',
        f'<script type="application/ld+json">{json.dumps({**_NEWS, "articleBody": paragraphs(BODY)})}</script>',
        f'<script id="__NEXT_DATA__" type="application/json">{json.dumps({"props": {"body": paragraphs(BODY)}})}</script>',
        f'<script type="application/json">{json.dumps({"a": {"story": {"blocks": [{"kind": "p", "text": text} for text in BODY]}, "ads": ["x"]}})}</script>',
        f"<script>window.__STATE__ = {json.dumps({'article': {'paragraphs': BODY}, 'more': [{'teaser': OTHERS[0]}]})}; start();</script>",
    ],
)
def test_a_page_that_a_script_writes_is_read_from_its_data(head: str) -> None:
    html = page('<div id="root"></div><noscript>You need to enable JavaScript.</noscript>', head=head)
    assert read(html) == BODY


def test_a_page_that_keeps_its_text_for_browsers_without_scripts_is_read() -> None:
    assert read(page(f"<div id='app'></div><noscript>{ARTICLE}</noscript>")) == BODY


def test_json_ld_that_holds_much_more_than_the_page_is_taken() -> None:
    head = f'<script type="application/ld+json">{json.dumps({**_NEWS, "articleBody": " ".join(BODY)})}</script>'
    assert read(page(f"<article><h1>{TITLE}</h1><p>{BODY[0]}</p></article>", head=head)) == [" ".join(BODY)]


def test_the_items_of_a_list_are_marked_as_such() -> None:
    html = page(f"<article><h1>{TITLE}</h1>{paragraphs(BODY[:3])}<ul>{paragraphs(BODY[3:], 'li')}</ul></article>")
    assert read(html)[3:] == [f"- {text}" for text in BODY[3:]]


def test_lines_of_preformatted_text_are_kept() -> None:
    text = "  The council voted on Tuesday to build\na second pier, after six years.\n\n  Fishermen had filled the gallery\nsince noon."
    assert read_page(page(f"<h1>{TITLE}</h1><pre>{text}</pre>").encode()).text == text.strip("\n")


@pytest.mark.parametrize(
    "body",
    ["", "<p>Share on Facebook</p>", "<div class='comments'><p>Advertisement</p></div>", f"<h1>{TITLE}</h1>"],
)
def test_a_page_without_an_article_is_not_read(body: str) -> None:
    with pytest.raises(DemarcheError, match="no article text"):
        read_page(page(body).encode())


def reading(raw: bytes) -> str:
    """Return the text of the page, or the reason why it is not read."""
    try:
        return read_page(raw).text
    except DemarcheError as error:
        return str(error)


def test_deep_nesting_is_read_or_refused() -> None:
    assert reading(page("<div>" * 5000 + paragraphs(BODY) + "</div>" * 5000).encode())


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert reading(f"<html><body><p>{text}".encode(errors="replace")).strip()
