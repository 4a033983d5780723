"""Page furniture: what a scraper brings along that is no part of the article.

Each rule names what it takes a paragraph for. Rules that hold for a paragraph by itself come first;
then those that need its neighbours: repeats, lists of links, and what follows the end of the article.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_AGENCIES = r"(?:reuters|ap|afp|tass|epa|upi|dpa|bloomberg|sputnik|xinhua|getty(?: images)?|associated press)"
_MONTHS = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?"
_NAME = r"(?:[A-Z][\w.'’-]*\.?|[a-z]{2,3}(?= [A-Z]))"
_ROLE = (
    r"(?:reporter|editor|writer|author|correspondent|columnist|journalist|contributor|producer|fellow|professor"
    r"|researcher|analyst|director|lecturer|historian|scholar|bureau chief|photographer|anchor|host)"
)

# (what it is, at most how many words the paragraph has, pattern); `i` patterns ignore case.
_ALONE: tuple[tuple[str, int, re.Pattern[str]], ...] = tuple(
    (what, words, re.compile(pattern, 0 if what in {"byline", "author note"} else re.IGNORECASE))
    for what, words, pattern in (
        (
            "navigation",
            7,
            r"^\W*(?:skip to (?:main )?(?:content|navigation)|jump to (?:comments?|navigation)|back to (?:top|home\w*)|"
            r"(?:main )?menu|search|close|home|share|tweet|print|e-?mail|copy link|copied|save|bookmark|gift article|"
            r"log ?in|sign ?in|log ?out|register|subscribe(?: now| today)?|donate(?: now)?|support us|"
            r"loading|more|(?:show|see|view|load) (?:more|all|comments)|next|previous|prev|play|pause|"
            r"next (?:article|story|post)|previous (?:article|story|post)|toggle \w+|open \w+ menu|"
            r"(?:view |leave a |post a |add a |join the )?comments?|reply|leave a reply|hide|"
            r"\d+ (?:comments?|shares?|likes?|views?)|(?:facebook|twitter|x|linkedin|whatsapp|telegram|reddit|instagram|"
            r"youtube|flipboard|pinterest|e-?mail|print|copy link)(?:[\s|,·/]+\w+){0,5})\W*(?:\(\d+\))?\W*$",
        ),
        (
            "link list",
            7,
            r"^\W*(?:(?:related|recommended|more|other|similar|popular|latest|top|featured|trending|further)"
            r"(?: (?:articles?|stor(?:y|ies)|posts?|topics?|content|news|reading|coverage|links?|headlines|videos?|now|"
            r"for you|on this(?: topic)?|reports?))+|related|recommended(?: for you)?|most (?:read|popular|viewed|"
            r"shared|watched)(?: .*)?|trending|editor['’]?s['’]? (?:picks?|choice)|(?:you (?:may|might) )?also (?:like|"
            r"read)|you (?:may|might) also (?:like|be interested in)|what to read next|read next|up next|more from .*|"
            r"in this (?:article|story)|on this page|around the web|don['’]t miss|must reads?)\W*$",
        ),
        (
            "link",
            30,
            r"^\W*(?:read (?:more|also|next|full story|the full \w+)|also read|see also|see more|watch(?: more| live| now)?|"
            r"listen(?: now)?|related(?: \w+)?|more on this(?: story)?|explainer|in pictures|gallery|video|podcast|live updates)"
            r"\s*(?:[:|»>›→]|[-–—] )",
        ),
        ("link", 6, r"^\W*(?:read (?:more|the full \w+|full \w+)|continue reading|keep reading|full story|learn more|find out more)\W*$"),
        ("link", 25, r"^(?:\[[^\]]*\]\([^)]*\)|https?://\S+|www\.\S+)(?:[\s|,·•*-]+(?:\[[^\]]*\]\([^)]*\)|https?://\S+))*\W*$"),
        (
            "advertisement",
            12,
            r"^\W*(?:advert(?:i[sz]ement|orial)?s?|ads?|sponsored(?: (?:content|by .*))?|paid (?:content|post|for by .*)|"
            r"promoted|(?:story|article|content) continues (?:below|after).*|scroll (?:down )?(?:to|for) .*|"
            r"skip (?:ad|advertisement|past .*)|report (?:this )?ad|why (?:this|am i seeing this) ad.*|remove ads?.*)\W*$",
        ),
        (
            "newsletter",
            70,
            r"\b(?:sign(?:ing)? up|signup|subscrib\w+|register|join)\b.{0,80}\b(?:newsletters?|inbox|e-?mails?|"
            r"e-?mail alerts|alerts|daily|weekly|briefing|digest|whatsapp channel|telegram channel|free|trial|membership)\b",
        ),
        ("newsletter", 50, r"\b(?:to|in|into) your (?:inbox|e-?mail|phone|mailbox)\b|\bour (?:\w+ ){0,2}newsletters?\b|^\W*(?:the )?(?:\w+ ){0,4}newsletter\W*$"),
        ("newsletter", 45, r"^\W*(?:sign up|subscribe|become a (?:member|subscriber)|already a (?:member|subscriber)|thank(?:s| you) for (?:signing|subscribing|reading)|you(?:'|’)?(?:re| are) (?:now )?(?:signed up|subscribed)|by (?:signing up|subscribing|submitting|clicking|continuing|providing)|enter your e-?mail|your e-?mail|please (?:enter|check your e-?mail)|invalid e-?mail|support (?:our|independent) journalism|this (?:article|story|content) is (?:only )?(?:for|available to|reserved for) (?:paying |registered )?(?:subscribers|members)|to (?:continue|keep) reading|you have (?:\w+ )?(?:\d+ )?(?:free )?articles? (?:left|remaining))"),
        ("newsletter", 40, r"\b(?:download|get) (?:our|the) (?:\w+ ){0,3}app\b|\bfollow (?:us|our)\b.{0,60}\b(?:on|channel|page|facebook|twitter|telegram|instagram|google)\b|\blike us on\b|\bour (?:whatsapp|telegram|youtube) channel\b"),
        (
            "legal",
            120,
            r"©|\(c\) ?(?:19|20)\d\d|\ball rights reserved\b|^\W*copyright\b|\bterms (?:of (?:use|service)|and conditions|& conditions)\b|"
            r"\bprivacy (?:policy|notice|statement)\b|\b(?:we|site|website) uses? cookies\b|\bcookie (?:policy|settings|preferences)\b|"
            r"\bmay not be (?:published|reproduced|broadcast|republished|redistributed)\b|\bdo not sell (?:or share )?my\b|"
            r"\brepublish (?:this|our) (?:article|stor)|\bcreative commons\b",
        ),
        (
            "comments",
            60,
            r"\b(?:comment(?:s|ing)? (?:polic(?:y|ies)|guidelines|section|are (?:closed|moderated|subject))|community (?:guidelines|standards)|"
            r"be part of the conversation|join the (?:conversation|discussion)|keep your comments|share your (?:thoughts|views|opinion)|"
            r"(?:leave|post|write|add) (?:a|your) comment|your e-?mail address will not be published|required fields are marked|"
            r"what do you think\? let us know|have a (?:story|news) (?:idea|tip)|story idea|got a (?:tip|story)|send (?:us )?(?:your )?tips|"
            r"letters? to the editor|to report (?:an|a) (?:error|typo|correction)|spotted (?:an error|a mistake))\b",
        ),
        (
            "audio",
            25,
            r"^\W*(?:listen to (?:this|the) (?:article|story|episode)|voice is ai|this (?:audio|article) (?:is|was) (?:auto-?generated|read)|"
            r"audio (?:by|is|version)|\d+[ -]min(?:ute)?s?\.? (?:listen|watch|video)|your browser does not support|"
            r"(?:this )?video (?:is )?(?:unavailable|not available|can(?:not|['’]t) be played)|(?:hide|show) (?:caption|transcript))",
        ),
        ("caption", 90, r"(?:^|[\s(\[])(?:photo(?:graph)?|image|picture|file photo|credit|foto|illustration|graphic|video|source photo)s?(?: credits?| courtesy| by)?\s*:\s*\S.{0,80}[)\]]?\W*$"),
        ("caption", 90, r"(?:\bgetty images\b|\bap photo\b|\bafp photo\b|\bshutterstock\b|\balamy\b|\bepa-efe\b|\bzuma press\b|\bhandout via\b|\bfile photo\b|\bphoto(?:graph)? by\b|\bphotograph:|\bvia (?:ap|reuters|afp|getty)\b|\bpool photo\b|\b(?:reuters|afp|ap|tass|sputnik|epa|getty)\s*/\s*\w+)(?:[^.!?]{0,60})[.)\]]?\W*$"),
        ("caption", 90, rf"(?:\bimages?|[\s(\[/|–—-])\s*{_AGENCIES}[)\]]\W*$"),
        ("caption", 90, r"^\W*(?:file\s*[-–—:]|file photo|pictured[:,]|(?:\(?l(?:eft)?(?:-r|\)? to r(?:ight)?)\)?)[: ]|caption[: ]|in this (?:\w+ ){0,2}(?:file )?(?:photo|image|picture|handout))"),
        ("byline", 16, rf"^(?:By|BY|Written by|WRITTEN BY|Reported by|Author:|Words by|Story by|Text by)[:\s]+{_NAME}(?:[\s,|&•·]+(?:and\s+)?{_NAME})*(?:[,|•·\s–—-].{{0,60}})?$"),
        ("byline", 30, r"^\W*(?:Reporting|Additional reporting|Writing|Editing|Compiled|Edited|Translated|Produced) by\b"),
        ("byline", 10, rf"^{_NAME}(?: {_NAME}){{1,3}}\s*[,|•·–—/-]\s*(?i:{_AGENCIES}|staff(?: writer| reporter)?|contributor|(?:\w+ ){{0,3}}{_ROLE}(?:,? .*)?)$"),
        ("dateline", 16, rf"^\W*(?:(?:last )?(?:updated?|published|posted|modified|first published|created)(?: on| at)?\b[\s:|]*)?(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\s+)?(?:\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTHS},?\s+\d{{4}}|{_MONTHS}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}|\d{{4}}-\d\d-\d\d|\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}})(?:[\s,|•·/–—-]+(?:at\s+)?(?:\d{{1,2}}[:.]\d\d.{{0,20}}|(?:updated|published|last|\d+ min).{{0,60}}))?\W*$"),
        ("dateline", 10, r"^\W*(?:(?:last )?updated?|published|posted|modified)\b\W*(?:on|at|:|\d|an? |\w+ (?:hours?|days?|minutes?) ago).{0,50}$|^\W*\d+ (?:hours?|days?|minutes?|weeks?) ago\W*$|^\W*\d+[ -]min(?:ute)?s?\.? read\W*$|^\W*reading time\b.{0,30}$"),
        ("tags", 25, r"^\W*(?:tags?|topics?|filed under|categor(?:y|ies)|keywords?|sections?|more about|article topic follows)\s*[:：|]"),
        ("tags", 12, r"^(?:#\w+[\s,]*)+$|^\w[\w ]*(?:\s*[|•·»›/]\s*\w[\w ]*){2,}$"),
        ("author note", 120, rf"^(?:The (?:author|writer)|{_NAME}(?: {_NAME}){{0,3}},?) (?:is|was|has been|are|covers|writes|reports|leads|teaches|serves)\b.{{0,100}}\b{_ROLE}s?\b.*\b(?:at|for|of|in|with|based|covering|author of|who covers)\b.*(?:@\w|\b(?i:twitter|his work|her work|their work|his latest book|her latest book|previously|reach|contact|email|follow)\b)"),
        ("author note", 60, r"(?:\b(?:[Ff]ollow|[Rr]each|[Cc]ontact|[Ee]mail|[Ww]rite to) (?:him|her|them|the (?:author|writer|reporter)|me|us|@?\w+(?: \w+)?) (?:on (?:Twitter|X|Bluesky|Instagram|LinkedIn|Mastodon)|at \S+@\S+|@\w+|by e-?mail|here)\b|^\W*@\w+\W*$|^\W*[\w.+-]+@[\w-]+\.[\w.]+\W*$)"),
        ("author note", 80, r"(?i:\b(?:contributed to (?:this|the) (?:report|story|article)|(?:views|opinions) expressed (?:here|in this|are|by)|(?:are|is) (?:solely )?those of the author|(?:does|do) not necessarily (?:reflect|represent)|this (?:article|story|piece|commentary|column|essay) (?:was|is|has been|originally|first)(?: \w+){0,4} (?:published|appeared|republished|produced|translated|updated|edited|written)|originally (?:published|appeared) (?:in|on|at|by)|(?:is|are) syndicated|editor['’]s note\s*:))"),
        ("author note", 14, r"(?i:^\W*about the (?:author|writer|reporter|contributor)s?\W*$|^\W*author profile\b.{0,40}$|^\W*(?:more by|more from|see all (?:posts|stories|articles) by|view all (?:posts|articles) by|posts by|articles by) .{1,50}$)"),
    )
)

_AFTER_END = re.compile(
    r"(?i)^\W*(?:about the (?:author|writer|reporter|contributor)s?|(?:\d+ )?comments?(?: \(\d+\))?|leave a (?:reply|comment)|"
    r"(?:view|jump to|join the|show) (?:comments?|conversation)|be part of the conversation|join the (?:conversation|discussion)|article topic follows.*|author profile.*|"
    r"related(?: \w+)?|most (?:read|popular|viewed)|more from .*|you (?:may|might) also like|read next|what to read next|"
    r"latest (?:news|stories|headlines)|top stories|trending(?: now)?|recommended(?: for you)?|more (?:stories|news|articles|headlines)(?: .*)?)\W*$"
)
_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]]*$")


def recognise(paragraphs: Sequence[str]) -> list[str | None]:
    """For each paragraph of one article, in order: what furniture it is, or None for the article itself."""
    texts = [" ".join(paragraph.split()) for paragraph in paragraphs]
    found = [alone(text) for text in texts]
    _repeats(texts, found)
    _link_lists(texts, found)
    _after_the_end(texts, found)
    _headings(texts, found)
    return found


def alone(text: str) -> str | None:
    """What furniture a paragraph is by its own words."""
    if not any(character.isalnum() for character in text):
        return "ornament"
    words = len(text.split())
    return next((what for what, most, pattern in _ALONE if words <= most and pattern.search(text)), None)


def looks_like_headline(text: str) -> bool:
    return 3 <= len(text.split()) <= 30 and not re.search(r"[.…:;,][\"'”’»)\]]*$", text.strip())


def _repeats(texts: Sequence[str], found: list[str | None]) -> None:
    """A line said twice in a row is a picture's caption and its alternative text; later repeats are boxes."""
    first: dict[str, int] = {}
    for position, text in enumerate(texts):
        before = first.setdefault(text.casefold(), position)
        if before == position:
            continue
        found[position] = found[position] or "repeated"
        if position - before == 1 and len(text.split()) > 2:
            found[before] = found[before] or "caption"


def _link_lists(texts: Sequence[str], found: list[str | None]) -> None:
    """Three or more short lines in a row that are no sentences, or any that follow the head of such a list."""
    run: list[int] = []
    for position, text in enumerate([*texts, "An end."]):
        # The first line may be the headline, which is no link.
        if 0 < position < len(texts) and _is_link_like(text) and found[position] in (None, "link"):
            run.append(position)
            continue
        headed = bool(run) and found[run[0] - 1] in ("link list", "navigation", "tags")
        if len(run) >= (2 if headed else 3):
            for member in run:
                found[member] = found[member] or "link list"
        run = []


def _after_the_end(texts: Sequence[str], found: list[str | None]) -> None:
    """What follows "About the writer", "Comments" and the like in the last part of the page."""
    total = sum(map(len, texts)) or 1
    seen = 0
    for position, text in enumerate(texts):
        if seen / total > 0.6 and _AFTER_END.match(text):
            rest = range(position + 1, len(texts))
            # Long paragraphs after it are the article going on around a box, except in an author's note.
            own = "author" in text.casefold() or "writer" in text.casefold()
            if own or all(len(texts[later].split()) <= 45 or found[later] for later in rest):
                found[position] = found[position] or "link list"
                for later in rest:
                    found[later] = found[later] or "after the end"
                return
        seen += len(text)
    # An author's note closes the article; it may come without a heading.
    body = [position for position, what in enumerate(found) if what is None]
    if len(body) > 3 and _is_author_note(texts[body[-1]]):
        found[body[-1]] = "author note"


def _is_author_note(text: str) -> bool:
    return len(text.split()) <= 60 and bool(
        re.match(rf"^{_NAME}(?: {_NAME}){{1,3}},? (?:is|was|covers|writes) (?:an? |the )?(?:[\w-]+ ){{0,5}}{_ROLE}\b", text)
    )


def _headings(texts: Sequence[str], found: list[str | None]) -> None:
    """Short lines between paragraphs that are no sentences: section heads, labels, stray links."""
    body = [position for position, what in enumerate(found) if what is None]
    for position in body[1:]:
        text = texts[position]
        if len(text.split()) <= 8 and not _SENTENCE_END.search(text) and not text.startswith(('"', "“", "«")):
            found[position] = "heading"


def _is_link_like(text: str) -> bool:
    return len(text.split()) <= 16 and not _SENTENCE_END.search(text)
