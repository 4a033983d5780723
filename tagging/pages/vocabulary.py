"""The words of class names and ids that tell what an element of a page is for."""

from __future__ import annotations

import re
from functools import lru_cache

_GROUPS = {
    "body": "article articlebody body bodytext content story storybody entry post text prose paragraph paragraphs copy main "
    "maincontent richtext rte chunk",
    "other stories": "related recommend recommended recirc more next popular trending latest headlines teaser outbrain "
    "taboola feed list listing card cards also suggested stream rail sidebar similar links link promo promos "
    "package collection grid archive pagination pager item items breaking",
    "share bar": "share sharing social socials follow facebook twitter tweet toolbar tools actions buttons button btn",
    "advertisement": "ad ads advert adverts advertisement sponsor sponsored banner commercial affiliate shop product "
    "products buy deal deals price partner partners marketing",
    "subscription": "newsletter subscribe subscription signup paywall regwall meter metered login registration offer "
    "offers cta membership donate donation support form",
    "media": "photo photos image images img media gallery slideshow slide video videos player figure thumbnail thumb "
    "picture pictures podcast audio lede hero",
    "byline": "byline author authors contributor bio date time timestamp published updated meta info kicker "
    "source writer profile avatar",
    "tags": "tags tag topics topic keywords breadcrumb category categories section label labels",
    "frame": "nav menu header footer head top bottom cookie modal popup overlay search widget widgets legal disclaimer "
    "terms site topbar utility skip dropdown mobile panel tabs tab",
    "hidden": "hidden hide sr visually visuallyhidden invisible offscreen noprint",
    "summary": "summary dek deck standfirst subtitle subhead description excerpt abstract highlights takeaways",
    "box": "box infobox inset insert callout factbox module embed embedded aside note notes editors correction",
}
GROUPS = tuple(_GROUPS)
_GROUPS_OF: dict[str, list[str]] = {}
for _group, _words in _GROUPS.items():
    for _word in _words.split():
        _GROUPS_OF.setdefault(_word, []).append(_group)

_HOVER_WORDS = "tooltip tooltiptext popover popup hover hovercard rollover flyout dropdown infobox preview card"
HOVER = frozenset(_HOVER_WORDS.split())
"""The words of elements that are shown only when a reader points at something."""

_TOKEN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


@lru_cache(maxsize=20_000)
def tokens_of(names: str) -> frozenset[str]:
    """Return the words of class names and ids: `storyBody__related-links` has story, body, related and links."""
    return frozenset(token.lower() for token in _TOKEN.findall(names))


@lru_cache(maxsize=20_000)
def groups_of(tokens: frozenset[str]) -> frozenset[str]:
    """Return the groups that the words belong to."""
    return frozenset(group for token in tokens for group in _GROUPS_OF.get(token, ()))
