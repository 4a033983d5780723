"""The words of class names and ids that tell what an element of a page is for."""

from __future__ import annotations

import re
from functools import lru_cache

_GROUPS = {
    "body": "article articlebody body bodytext content story storybody entry post text prose paragraph paragraphs copy main "
    "maincontent richtext rte chunk",
    "comments": "comment comments disqus reply replies discussion respond livefyre viafoura conversation commentlist coral",
    "related": "related relatedlinks recommend recommended recommendation recommendations recirc recirculation more next "
    "readnext upnext popular trending latest headline headlines teaser teasers outbrain taboola zergnet revcontent "
    "river feed list listing card cards also suggested newsfeed stream ticker most mostread mostpopular mostviewed "
    "rail sidebar aside seealso readmore similar links link linklist external flipboard promo promos package collection "
    "grid archive previous prev pagination pager item items",
    "share": "share sharing shares sharebar social socials follow facebook twitter tweet whatsapp linkedin pinterest "
    "reddit addthis sharethis email print toolbar tools tool actions buttons button btn",
    "ads": "ad ads advert adverts advertisement advertising adslot adunit dfp gpt sponsor sponsored sponsors banner "
    "commercial affiliate shop shopping product products buy deal deals price merchandise marketing partner partners",
    "subscribe": "newsletter newsletters subscribe subscription subscriptions signup paywall piano regwall meter metered "
    "login signin register registration offer offers cta membership donate donation support form promo",
    "media": "caption captions credit credits photo photos image images img media gallery galleries slideshow slide slides "
    "slider carousel video videos player figure thumbnail thumb lightbox picture pictures podcast audio lede hero",
    "byline": "byline author authors contributor bio biography dateline date datetime time timestamp published updated "
    "meta metadata info kicker eyebrow attribution source writer profile avatar",
    "tags": "tags tag topics topic keywords keyword breadcrumb breadcrumbs category categories section label labels",
    "chrome": "nav navbar navigation menu header footer masthead foot head top bottom cookie cookies consent gdpr modal popup "
    "overlay tooltip search widget widgets legal copyright disclaimer terms site topbar utility hamburger skip "
    "dropdown mobile panel tabs tab block",
    "hidden": "hidden hide sr visually visuallyhidden screenreader invisible offscreen assistive noprint",
    "quote": "pullquote pull quote blockquote pq",
    "summary": "summary dek deck standfirst subtitle subhead subheading description excerpt abstract bullets highlights "
    "keypoints takeaways subheadline",
    "title": "title headline heading h1",
    "boxed": "box boxout infobox inset insert inline callout factbox module component promo embed embedded aside widget "
    "note notes editors footnote footnotes correction",
}
GROUPS = tuple(_GROUPS)
_GROUPS_OF: dict[str, list[str]] = {}
for _group, _words in _GROUPS.items():
    for _word in _words.split():
        _GROUPS_OF.setdefault(_word, []).append(_group)

HOVER = frozenset("tooltip tooltiptext popover popup hover hovercard rollover flyout dropdown infobox preview card".split())
"""The words of elements that are shown only when a reader points at something."""

_TOKEN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@lru_cache(maxsize=20_000)
def tokens_of(names: str) -> frozenset[str]:
    """Return the words of class names and ids: `storyBody__related-links` has story, body, related and links."""
    return frozenset(token.lower() for token in _TOKEN.findall(names))


@lru_cache(maxsize=20_000)
def groups_of(tokens: frozenset[str]) -> frozenset[str]:
    """Return the groups that the words belong to."""
    return frozenset(group for token in tokens for group in _GROUPS_OF.get(token, ()))
