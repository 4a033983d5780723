"""The article of a web page is read whole, and nothing else of the page."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.errors import DemarcheError
from models.markup import text_of_html
from tagging.pages.page import read_page
from tagging.readers.html import lines_of_page

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


def test_a_page_too_deep_to_be_read_whole_is_refused_with_the_reason() -> None:
    assert "nested more than" in reading(page("<div>" * 5000 + paragraphs(BODY) + "</div>" * 5000).encode())


@pytest.mark.parametrize("tag", ["div", "section", "blockquote", "font", "story-part"])
def test_a_page_of_elements_that_are_never_closed_is_read_to_its_end(tag: str) -> None:
    texts = [
        f"In year {n} the council of the ferry town voted on pier number {n}, and put it off again." for n in range(600)
    ]
    body = f"<{tag}>".join(paragraphs([text]) for text in texts)
    assert read(page(f"<article><h1>{TITLE}</h1>{body}</article>")) == texts


def article(*texts: str) -> str:
    """Return a page with the texts as HTML after the first paragraphs of the body, and before its last."""
    return page(f"<article><h1>{TITLE}</h1>{paragraphs(BODY[:2])}{''.join(texts)}{paragraphs(BODY[-2:])}</article>")


def read_between(*texts: str) -> list[str]:
    lines = read(article(*texts))
    assert (lines[:2], lines[-2:]) == (BODY[:2], BODY[-2:])
    return lines[2:-2]


def test_short_answers_that_are_given_twice_are_kept() -> None:
    lines = ["Is the pier worth its price?", "No.", "Will it be built?", "Yes, it will.", "Will it last?", "No."]
    lines += ["Would you vote for it again?", "Yes, it will."]
    assert read_between(paragraphs(lines)) == lines


def test_a_long_paragraph_that_stands_twice_is_read_once() -> None:
    assert read_between(paragraphs([BODY[2], BODY[3], BODY[2]])) == [BODY[2], BODY[3]]


def test_answers_of_one_word_at_the_end_are_kept_with_their_headings() -> None:
    answers = "<h2>What the skippers say</h2><p>Never.</p><h2>What the mayor says</h2><p>Yes!</p>"
    lines = read(page(f"<main><h1>{TITLE}</h1>{paragraphs(BODY)}{answers}</main>"))
    assert lines == [*BODY, "What the skippers say", "Never.", "What the mayor says", "Yes!"]


@pytest.mark.parametrize(
    "names",
    [
        ("card-body", "card-text"),
        ("article-preview", "preview-text"),
        ("infobox", "infobox__line"),
        ("story hover", "hover:underline"),
        ("popover-content", "popover-text"),
        ("dropdown-panel", "dropdown-line"),
    ],
)
def test_sentences_in_visible_boxes_of_inline_elements_are_read(names: tuple[str, str]) -> None:
    around, inside = names
    lines = "<br><br>".join(f'<span class="{inside}">{text}</span>' for text in BODY[2:4])
    assert read_between(f'<div class="{around}">{lines}</div>') == BODY[2:4]


def test_a_marked_word_in_a_box_stays_in_its_sentence() -> None:
    sentence = BODY[2].replace("dredging", '<span class="tooltip-mark">dredging</span>')
    assert read_between(f'<div class="tooltip-story">{sentence}</div>') == [BODY[2]]


@pytest.mark.parametrize(
    "word",
    [
        '<span class="tooltip">dredging<span class="tooltiptext">To dredge is to dig mud out of a harbour or a river.</span></span>',
        '<span class="tooltip"><i></i><span class="tooltip-text">To dredge is to dig mud out of a river.</span></span>dredging',
        '<a href="/d">dredging</a><span class="popover">To dredge is to dig mud out of a harbour or a river.</span>',
    ],
)
def test_a_card_that_interrupts_a_sentence_is_left_out(word: str) -> None:
    assert read_between(f"<p>{BODY[2].replace('dredging', word)}</p>") == [BODY[2]]


@pytest.mark.parametrize("tag", ["label", "button", "x-term"])
@pytest.mark.parametrize("word", ["council", "The", "<b>ferry</b>", "cost"])
def test_the_words_of_a_control_in_a_sentence_are_read(tag: str, word: str) -> None:
    bare = word.removeprefix("<b>").removesuffix("</b>")
    marked = f"<{tag}>{bare}</{tag}>"
    sentence = BODY[0].replace(bare, f"<b>{marked}</b>" if word != bare else marked, 1)
    html = page(f"<article><h1>{TITLE}</h1>{paragraphs([sentence, *BODY[1:]])}</article>")
    assert read(html) == BODY


@pytest.mark.parametrize(
    "control",
    [
        "<div><button>Save this story for later</button></div>",
        "<form><label>Your address</label> <input> <label>Your name</label> <input> <button>Send it off</button></form>",
        "<p><label><input type='checkbox'> Tell me of every answer to this story</label></p>",
        "<div><button>Print the story</button> <button>Send the story</button></div>",
    ],
)
def test_controls_of_forms_are_left_out(control: str) -> None:
    assert read_between(control) == []


@pytest.mark.parametrize("space", ["", " ", "\n"])
def test_unknown_elements_are_paragraphs(space: str) -> None:
    assert read(page(f"<story-body>{space.join(f'<x-para>{text}</x-para>' for text in BODY)}</story-body>")) == BODY


def test_words_in_unknown_elements_are_one_sentence() -> None:
    words = " ".join(f"<x-word>{word}</x-word>" for word in BODY[2].split())
    assert read_between(f"<p>{words}</p>") == [BODY[2]]


def test_a_table_of_what_each_side_says_is_read() -> None:
    rows = [("Skippers", "They reject the pier and want the old basin to be dredged instead.")]
    rows += [("Traders", "They welcome every guest that a second pier will bring to town.")]
    cells = "".join(f"<tr><td>{side}</td><td>{view}</td></tr>" for side, view in rows)
    assert read_between(f"<table><tr><th>Side</th><th>View</th></tr>{cells}</table>")[-3:] == [
        rows[0][1],
        *rows[1],
    ]


def test_a_table_of_figures_with_a_note_is_left_out() -> None:
    rows = "".join(f"<tr><td>Pier {n}</td><td>{n} million</td><td>Built</td></tr>" for n in range(5))
    note = "<tr><td>Source</td><td>All of the figures are those of the council itself.</td></tr>"
    assert read_between(f"<table><tr><th>Pier</th><th>Cost</th></tr>{rows}{note}</table>") == []


@pytest.mark.parametrize(
    "tag",
    ["figcaption", "figure", "details", "summary", "nav", "fieldset", "legend", "menu", "dialog", "caption", "x-line"],
)
def test_the_lines_of_a_page_end_where_a_block_ends(tag: str) -> None:
    html = f"<div><{tag}>Pier</{tag}><{tag}>Basin</{tag}></div>"
    html = f"<table><{tag}>Pier</{tag}><tr><td>Basin</td></tr></table>" if tag == "caption" else html
    assert list(lines_of_page(html)) == ["Pier", "Basin"]


@pytest.mark.parametrize("tag", ["button", "label", "sup"])
def test_inline_elements_do_not_divide_a_cell_of_a_table(tag: str) -> None:
    cell = f"<p>The council raised the <{tag}>mooring</{tag}> fee.</p><p>Nobody paid.</p>"
    paragraphs_of_cell = [" ".join(each.split()) for each in text_of_html(cell).split("\n\n")]
    assert paragraphs_of_cell == ["The council raised the mooring fee.", "Nobody paid."]


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert reading(f"<html><body><p>{text}".encode(errors="replace")).strip()


def test_the_lines_of_a_page_of_elements_that_are_never_closed_are_all_read() -> None:
    texts = [f"Line {n} of the page" for n in range(600)]
    assert list(lines_of_page("<div>".join(texts))) == texts


def test_the_data_of_a_script_with_elements_that_are_never_closed_is_read_to_its_end() -> None:
    texts = [
        f"In year {n} the council of the ferry town voted on pier number {n}, and put it off again." for n in range(600)
    ]
    news = json.dumps({**_NEWS, "articleBody": "<div>".join(paragraphs([text]) for text in texts)})
    assert read(page("<div></div>", head=f'<script type="application/ld+json">{news}</script>')) == texts
