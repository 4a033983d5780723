"""Feeds are read as articles, one for each entry, under ids that stay from one download to the next."""

from __future__ import annotations

import gzip
import html
from pathlib import Path

import pytest

from labels.passages import Article
from tagging.readers import ArticleColumns, ReadArticle, Unreadable, read_articles

BODY = "<p>The pilots <a href='x'>met</a> for an hour.</p><p>Nobody spoke of the levy &amp; the quay.</p><script>x()</script>"
TEXT = "The pilots met for an hour.\n\nNobody spoke of the levy & the quay."
RSS = f"""<?xml version="1.0"?><!-- made daily -->
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>The Coast &amp; Quay</title>
<link>https://coast.example/</link><item><title>Pilots &lt;i&gt;meet&lt;/i&gt;</title><link>/pilots</link><guid>n-1</guid>
<pubDate>Mon, 04 May 2020 10:12:33 +0200</pubDate><description>Short.</description>
<content:encoded><![CDATA[{BODY}]]></content:encoded></item></channel></rss>"""
RDF = f"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://coast.example/rdf"><title>The Coast &amp; Quay</title>
<link>https://coast.example/</link></channel><item rdf:about="n-1"><title>Pilots meet</title>
<link>https://coast.example/pilots</link><description>{html.escape(BODY)}</description>
<dc:date>2020-05-04T08:12:33Z</dc:date></item></rdf:RDF>"""
ATOM = f"""<feed xmlns="http://www.w3.org/2005/Atom"><title>The Coast &amp; Quay</title><entry><title>Pilots meet</title>
<id>n-1</id><link rel="self" href="https://coast.example/api"/><link href="https://coast.example/pilots"/>
<updated>2021-01-01T00:00:00Z</updated><published>2020-05-04T10:12:33+02:00</published><summary>Short.</summary>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">{BODY}</div></content></entry></feed>"""


def read(path: Path, content: str | bytes) -> list[ReadArticle | Unreadable]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_articles([path], ArticleColumns()))


@pytest.mark.parametrize("feed", [RSS, RDF, ATOM], ids=["RSS 2.0", "RSS 1.0", "Atom"])
@pytest.mark.parametrize("name", ["feed.xml", "feed.rss", "feed", "feed.php", "feed.xml.gz"])
def test_each_entry_of_a_feed_is_an_article(tmp_path: Path, feed: str, name: str) -> None:
    raw = gzip.compress(feed.encode()) if name.endswith(".gz") else feed.encode()
    assert read(tmp_path / name, raw) == [
        ReadArticle(
            Article(
                id=f"{name}:n-1",
                text=TEXT,
                title="Pilots meet",
                source="The Coast & Quay",
                published="2020-05-04T08:12:33+00:00",
                url="https://coast.example/pilots",
            )
        )
    ]


def entry(*parts: str) -> str:
    return f"<rss><channel><title>T</title><item>{''.join(parts)}</item></channel></rss>"


def test_an_entry_without_an_id_is_named_by_its_link_or_else_by_what_it_says(tmp_path: Path) -> None:
    linked = entry("<link>https://coast.example/a</link><description>One.</description>")
    (item,) = read(tmp_path / "a.rss", linked)
    assert isinstance(item, ReadArticle)
    assert item.article.id == "a.rss:https://coast.example/a"
    bare = entry("<title>A</title><description>One.</description>")
    (first,) = read(tmp_path / "a.rss", bare)
    grown = bare.replace("<item>", "<item><title>B</title><description>Two.</description></item><item>")
    assert read(tmp_path / "a.rss", grown)[1] == first


def test_text_without_markup_is_read_as_it_stands(tmp_path: Path) -> None:
    (item,) = read(tmp_path / "a.rss", entry("<description>3 &lt; 4, and AT&amp;amp;T <![CDATA[x]]></description>"))
    assert isinstance(item, ReadArticle)
    assert item.article.text == "3 < 4, and AT&T x"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.rss", "<rss><channel><title>T</title></channel></rss>", "a feed without entries"),
        ("a.rss", "no feed", "not a .rss document"),
        ("a.xml", "<data>1</data>", "not a .xml document"),
        ("a.rss", entry("<title>A headline</title>"), "empty"),
        ("a.rss.gz", gzip.compress(RSS.encode())[:-40], "cannot be read"),
    ],
)
def test_a_feed_that_cannot_be_read_is_reported(tmp_path: Path, name: str, content: str | bytes, reason: str) -> None:
    (item,) = read(tmp_path / name, content)
    assert isinstance(item, Unreadable)
    assert reason in item.reason


def test_a_page_named_xml_is_still_a_page(tmp_path: Path) -> None:
    page = f"<?xml version='1.0'?><html><head><title>T</title></head><body><article>{BODY * 3}</article></body></html>"
    (item,) = read(tmp_path / "a.xml", page)
    assert isinstance(item, ReadArticle)
    assert item.article.id == "a.xml"


@pytest.mark.parametrize("guid", ["7", "4711-12", "May"])
def test_an_id_is_no_date(tmp_path: Path, guid: str) -> None:
    (item,) = read(tmp_path / "a.rss", entry(f"<guid>{guid}</guid><description>One.</description>"))
    assert isinstance(item, ReadArticle)
    assert item.article.published is None


def test_an_id_that_has_the_date_of_its_entry_leaves_it_as_it_is(tmp_path: Path) -> None:
    date = "Mon, 04 May 2020 10:12:33 +0000"
    dated = entry(f"<guid>2020-05-04</guid><pubDate>{date}</pubDate><description>One.</description>")
    (item,) = read(tmp_path / "a.rss", dated)
    assert isinstance(item, ReadArticle)
    assert item.article.published == "2020-05-04T10:12:33+00:00"


@pytest.mark.parametrize("feed_link", ["https://coast.example/", "http://[bad"])
@pytest.mark.parametrize("link", ["", "http://[bad", "https://coast.example/a"])
def test_the_url_of_an_entry_is_its_own_link(tmp_path: Path, feed_link: str, link: str) -> None:
    feed = entry(f"<guid>n-1</guid><link>{link}</link><description>One.</description>")
    feed = feed.replace("<title>T</title>", f"<title>T</title><link>{feed_link}</link>")
    (item,) = read(tmp_path / "a.rss", feed)
    assert isinstance(item, ReadArticle)
    assert item.article.url == (link or None)


@pytest.mark.parametrize("feed", [RSS, RDF, ATOM], ids=["RSS 2.0", "RSS 1.0", "Atom"])
def test_the_entry_in_which_a_feed_is_cut_off_is_not_read(tmp_path: Path, feed: str) -> None:
    tag = "entry" if feed == ATOM else "item"
    first = feed[feed.index(f"<{tag}") : feed.index(f"</{tag}>")] + f"</{tag}>"
    longer = feed.replace(first, first.replace("n-1", "n-0") + first)
    whole, cut = read(tmp_path / "a.xml", longer[: longer.rindex("levy")])
    assert isinstance(whole, ReadArticle)
    assert whole.article.text == TEXT
    assert cut == Unreadable("a.xml", "cut off; what stands after 1 entry is not read")
