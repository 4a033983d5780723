"""The patterns by which boilerplate is recognised in English pages: data for `tagging.boilerplate`."""

from __future__ import annotations

import re
from typing import NamedTuple


class Rule(NamedTuple):
    """A kind of boilerplate: a paragraph of at most `max_words` words in which the pattern is found."""

    kind: str
    max_words: int
    pattern: re.Pattern[str]


def _rule(kind: str, max_words: int, *alternatives: str, whole: bool = False, cased: bool = False) -> Rule:
    """Compile the alternatives into one rule.

    With `whole`, an alternative must match the whole paragraph, except for the punctuation around it. With `cased`,
    upper and lower case differ.
    """
    joined = "|".join(f"(?:{alternative})" for alternative in alternatives)
    pattern = rf"^\W*(?:{joined})\W*$" if whole else joined
    return Rule(kind, max_words, re.compile(pattern, 0 if cased else re.IGNORECASE))


_AGENCY = r"(?:reuters|ap|afp|tass|epa|upi|dpa|bloomberg|sputnik|xinhua|getty(?: images)?|associated press)"
_SHARE = r"(?:facebook|twitter|linkedin|whatsapp|telegram|reddit|instagram|youtube|flipboard|pinterest|e-?mail|print|x)"
_NAME = r"(?:[A-Z][\w.'’-]*\.?|[a-z]{2,3}(?= [A-Z]))"
_ROLE = (
    r"(?:reporter|editor|writer|author|correspondent|columnist|journalist|contributor|producer|fellow|professor"
    r"|researcher|analyst|director|lecturer|historian|scholar|bureau chief|photographer|anchor|host|adviser)"
)
_LINKED = r"(?:articles?|stor(?:y|ies)|posts?|topics?|content|news|reading|coverage|links?|headlines|videos?|reports?)"

RULES = (
    _rule(
        "navigation",
        8,
        r"(?:skip|jump) (?:directly )?to (?:the )?(?:main )?(?:content|navigation|comments?|search)",
        r"back to (?:top|home\w*)",
        r"(?:main |site )?(?:menu|navigation)|search|close|home|loading|more|next|previous|prev|hide|edition: .*",
        r"log ?in|sign ?in|log ?out|register|subscribe(?: now| today)?|donate(?: now)?|support us",
        r"(?:show|see|view|load|read) (?:more|all|comments|in browser|this email in your browser)(?: comments| news)?",
        r"(?:next|previous) (?:article|story|post)|toggle \w+|open \w+ menu|download as pdf|print this page",
        r"(?:view |leave a |post a |add a |join the |read )?comments?|reply|leave a reply|play|pause",
        whole=True,
    ),
    _rule(
        "share bar",
        25,
        r"^\W*(?:share|tweet|post|print|e-?mail|save|bookmark|copy link|copied|gift(?: this)? article|share this.*|"
        rf"follow|follow us.*|{_SHARE})(?:\W+(?:share|tweet|save|copy|link|copied|on|to|this|via|more|by|{_SHARE}))*\W*$",
        r"\bclick to (?:share|e-?mail|print)\b|\(opens in (?:a )?new (?:window|tab)\)",
        r"^\W*\d+[.,]?\d*k? (?:comments?|shares?|likes?|views?|retweets?)\W*$",
    ),
    _rule(
        "link list",
        8,
        rf"(?:related|recommended|more|other|similar|popular|latest|top|featured|trending|further)(?: {_LINKED})+"
        r"(?: now| for you| on this(?: topic)?)?",
        r"related|recommended(?: for you)?|trending(?: now)?|most (?:read|popular|viewed|shared|watched)(?: .*)?",
        r"editor['’]?s['’]? (?:picks?|choice)|don['’]t miss|must reads?|around the web|what we['’]re reading",
        r"(?:you (?:may|might) )?also (?:like|read)|you (?:may|might) also (?:like|be interested in)",
        r"(?:what to )?read next|up next|more from .*|in this (?:article|story)|on this page|also on .{1,30}",
        whole=True,
    ),
    _rule(
        "link",
        30,
        r"^\W*(?:read(?: (?:more|also|next|full story|the full \w+))?|also read|see also|see more|listen(?: now)?"
        r"|watch(?: more| live| now)?|related(?: \w+)?|more on this(?: story)?|also on [\w ]{2,25}|explainer"
        r"|in pictures|gallery|video|podcast|live updates|on today['’]s podcast|download|you may also like|from the archives?"
        r"|watch on demand|recommended)\s*(?:[:|»>›→]|[-–—] )",
        r"^\W*(?:read (?:more|the full \w+|full \w+)|(?:continue|keep) reading|full story|learn more|find out more)\W*$",
        r"^(?:\[[^\]]*\]\([^)]*\)|https?://\S+|www\.\S+)(?:[\s|,·•*-]+(?:\[[^\]]*\]\([^)]*\)|https?://\S+))*\W*$",
    ),
    _rule(
        "advertisement",
        25,
        r"^\W*(?:advert(?:i[sz]ement|orial)?s?|ads?|sponsored(?: (?:content|by .*))?|promoted|remove ads?.*)\W*$",
        r"^\W*(?:advertisement|paid (?:content|post)|paid for by|sponsored by|a message from)\b.{0,120}$",
        r"^\W*(?:story|article|content|text) continues (?:below|after)|^\W*scroll (?:down )?(?:to|for) ",
        r"^\W*skip (?:ad|advertisement|past )|report (?:this )?ad\b|why (?:this|am i seeing this) ad",
    ),
    _rule(
        "newsletter",
        75,
        r"\b(?:sign(?:ing)? up|signup|subscrib\w+|register)\b.{0,60}\b(?:newsletters?|inbox|e-?mails?|digest|membership)\b",
        r"^\W*(?:\w+[^.!?]{0,40}[.!?] )?(?:sign up|signup|subscribe|register)\b.{0,50}\b(?:here|now|today|free|daily|weekly|alerts"
        r"|briefing|trial|unlimited|channel)\b.{0,40}$",
        r"\b(?:to|in|into) your (?:inbox|e-?mail|phone|mailbox)\b|\bour (?:\w+ ){0,2}newsletters?\b",
        r"\b(?:you(?:['’]re| are) receiving this|was this forwarded|forwarded to you|manage your (?:preferences|subscription)"
        r"|unsubscribe|to receive (?:our|future|more)|enter your e-?mail|already a (?:member|subscriber))\b",
        r"^\W*(?:sign up|become a (?:member|subscriber)|thank(?:s| you) for (?:signing|subscribing|reading)"
        r"|by (?:signing up|subscribing|submitting|clicking|continuing|providing)|please (?:enter|check) your"
        r"|to (?:continue|keep) reading|you have (?:\w+ )?(?:\d+ )?(?:free )?articles? (?:left|remaining)"
        r"|enjoy(?:ing|ed)? (?:what you['’]re reading|this (?:article|story|essay|piece)))",
        r"\bthis (?:article|story|content) is (?:only )?(?:for|available to|reserved for) (?:\w+ )?(?:subscribers|members)\b",
        r"^\W*(?:the )?(?:\w+ ){0,4}newsletter\W*$",
    ),
    _rule(
        "appeal",
        90,
        r"\b(?:download|get) (?:our|the) (?:\w+ ){0,3}app\b|\b(?:follow|like|find|join) (?:us|our)\b.{0,60}\b(?:on|channel"
        r"|page|facebook|twitter|telegram|instagram|google|whatsapp)\b",
        r"^\W*(?:unlock |if you (?:liked|enjoyed) (?:this|what))|\bmade possible by (?:a|our|the)\b",
        r"\b(?:support|fund|funded by|paid for by|depends? on|thanks to) (?:\w+ )?(?:readers?|our journalism|independent journalism"
        r"|readers like you|donations|members like you)\b|\b(?:small favou?r to ask|make a (?:donation|contribution|gift)"
        r"|donate (?:today|now|here)|support (?:our|independent|quality) (?:work|journalism|reporting))\b",
    ),
    _rule(
        "legal",
        120,
        r"©|\(c\) ?(?:19|20)\d\d|\ball rights reserved\b|^\W*copyright\W*(?:©|\(c\)|\d{4}|notice|:)|\bcreative commons\b",
        r"\bterms (?:of (?:use|service)|and conditions|& conditions)\b|\bprivacy (?:policy|notice|statement)\b",
        r"\b(?:uses? cookies|cookie (?:policy|settings|preferences|consent)|value your privacy|accept all|reject all)\b",
        r"\bpartners store and access\b|\bdo not sell (?:or share )?my\b|\bredistribution\b.{0,60}\b(?:prohibited|permission)\b",
        r"\bmay not be (?:published|reproduced|broadcast|republished|redistributed)\b|\brepublish (?:this|our) (?:article|stor)",
        r"^\W*disclaimer\W*:|\bnot (?:responsible for the content|(?:provide )?investment advice)\b",
        r"\bquotes delayed\b|\bcode of practice\b|\bhosted by a third party\b|\bembed this (?:post|video|article)\b",
    ),
    _rule(
        "comments",
        60,
        r"\bcomment(?:s|ing)? (?:polic(?:y|ies)|guidelines|section|are (?:closed|moderated|subject|now closed))\b",
        r"\bcommunity (?:guidelines|standards)\b|\bbe part of the conversation\b|\bjoin the (?:conversation|discussion)\b",
        r"\b(?:keep your comments|share your (?:thoughts|views|opinion)|(?:leave|post|write|add) (?:a|your) comment)\b",
        r"\byour e-?mail address will not be published\b|\brequired fields are marked\b|\bletters? to the editor\b",
        r"^\W*(?:what do you think|do you have (?:a|an) (?:story|opinion|tip|view|question)|have a (?:story|news) (?:idea|tip)"
        r"|got a (?:tip|story)|send (?:us )?(?:your )?tips|feedback on)\b|\bstory idea\b",
        r"\b(?:report|spotted|found) (?:an?|any) (?:\w+ )?(?:error|typo|mistake|correction)\b",
        r"^\W*\w[\w .-]{0,25} wrote: ",
    ),
    _rule(
        "correction",
        80,
        r"^\W*(?:correction|clarification|editor['’]?s?['’]? note|update|note to (?:readers|editors)|editors)\b[^:.]{0,30}:",
        r"\b(?:an )?earlier version of this (?:article|story|post|report)\b|\bthis (?:article|story|post) (?:has been|was) "
        r"(?:updated|corrected|amended)\b|^\(?(?:updates|adds|recasts|corrects|rewrites)\b.{0,120}\b(?:paragraph|byline|throughout|details)",
    ),
    _rule(
        "audio",
        30,
        r"^\W*(?:listen to (?:this|the) (?:article|story|episode)|voice is ai|audio (?:by|is|version)|hide caption|show caption"
        r"|this (?:audio|article) (?:is|was) (?:auto-?generated|read))|\btext to speech\b|\bplay audio\b",
        r"^\W*\d+[ -]min(?:ute)?s?\.? (?:listen|watch|video)|your browser does not support|unable to load the form",
        r"\benable javascript\b|\bunable to (?:view|load|play) (?:this|the)\b|^\W*content is not available\b",
        r"^\W*(?:this )?video (?:is )?(?:unavailable|not available|can(?:not|['’]t) be played)|^\W*show transcript",
    ),
    _rule(
        "caption",
        90,
        r"(?:^|[\s(\[])(?:photo(?:graph)?|image|picture|file photo|credit|illustration|graphic)s?(?: credits?| courtesy| by)?"
        r"\s*:\s*\S.{0,80}[)\]]?\W*$",
        r"\b(?:getty images|ap photo|afp photo|shutterstock|alamy|epa-efe|zuma press|handout via|file photo|photo(?:graph)? by"
        rf"|photograph:|via (?:ap|reuters|afp|getty)|pool photo|{_AGENCY}\s*/\s*\w+)[^.!?]{{0,60}}[.)\]]?\W*$",
        rf"[(\[/|]\s*{_AGENCY}[)\]]\W*$|^\W*(?:figure|chart|map|table) \d+[.:]",
        r"^\W*(?:file\s*[-–—:] |file photo|pictured[:,]|(?:\(?l(?:eft)?(?:-r|\)? to r(?:ight)?)\)?)[: ]|caption[: ])",
        r"^\W*in this (?:\w+ ){0,2}(?:file )?(?:photo|image|picture|handout)",
    ),
    _rule(
        "byline",
        16,
        rf"^(?:By|BY|Written by|Reported by|Author:|Words by|Story by|Text by)[:\s]+{_NAME}"
        rf"(?:(?:,? and |, | & | ){_NAME})*(?:\s*[,|•·–—-]\s.{{0,60}})?$",
        rf"^{_NAME}(?: {_NAME}){{1,3}}\s*[,|•·–—/-]\s*(?i:{_AGENCY}|staff(?: writer| reporter)?|(?:\w+ ){{0,3}}{_ROLE})\W*$",
        r"^(?:Our|From our|From) (?:[A-Z]\w+ )*(?:[Ss]taff|[Cc]orrespondents?|[Rr]eporters?|[Aa]gencies)(?: in [A-Z]\w+)?\W*$",
        r"^(?:[Ss]taff|[Aa]gencies|[Nn]ews [Dd]esk|[Ww]eb [Dd]esk)(?: (?:[Ww]riters?|[Rr]eporters?|and agencies|in [A-Z]\w+))*\W*$",
        cased=True,
    ),
    _rule(
        "byline",
        40,
        r"^\W*(?:reporting|additional reporting|writing|editing|compiled|edited|translated|produced) by\b",
        r"^\W*with (?:assistance|reporting|contributions?) (?:from|by)\b|\bcontributed to (?:this|the) (?:report|story|article)\b",
    ),
    _rule(
        "tags", 25, r"^\W*(?:tags?|filed under|categor(?:y|ies)|keywords?|more about|article topic follows)\s*[:：|]"
    ),
    _rule("navigation", 60, r"^[^.!?]{2,40}(?:\s*[|•·»›]\s*[^.!?|•·»›]{2,40}){3,}$"),
    _rule("tags", 12, r"^(?:#\w+[\s,]*)+$", r"^\w[\w &-]*(?:\s*[|•·»›/>]\s*\w[\w &-]*){2,}$"),
    _rule(
        "author note",
        120,
        rf"^(?:The (?:author|writer)|{_NAME}(?: {_NAME}){{0,3}},?) (?:is|was|has been|are|covers|writes|reports|leads|teaches)\b"
        rf".{{0,100}}\b{_ROLE}s?\b.*(?:@\w|\b(?i:(?:his|her|their) (?:work|latest|new|book|most recent)|author of|most recently"
        r"|previously (?:\w+ )?(?:worked|served|reported)|reach|contact|follow (?:him|her|them))\b)",
        r"\b(?:[Ff]ollow|[Rr]each|[Cc]ontact|[Ee]mail|[Ww]rite to) (?:him|her|them|the (?:author|writer|reporter)|me|us)"
        r" (?:on|at|by|via|here)\b|^\W*@\w+\W*$|^\W*[\w.+-]+@[\w-]+\.[\w.]+\W*$",
        r"(?i:\b(?:views|opinions) expressed (?:here|in this|are|by)|\bthose of the author|\bdo(?:es)? not necessarily (?:reflect"
        r"|represent)|\b(?:is|are) syndicated\b)",
        r"(?i:\bthis (?:article|story|piece|commentary|column|essay|investigation|report|project) (?:was |is |has been )?(?:originally "
        r"|first )?(?:published|appear(?:s|ed)|republished|produced|translated|supported|funded)\b)",
        r"^(?i:(?:originally )?(?:published|appeared) (?:in|on) the (?:\w+ )?.{0,40}\b(?:print|edition|issue)\b)",
        cased=True,
    ),
    _rule(
        "author note",
        14,
        r"about the (?:author|writer|reporter|contributor)s?|author profile.{0,40}",
        r"(?:more by|see all (?:posts|stories|articles) by|view all (?:posts|articles) by|posts by|articles by) .{1,50}",
        whole=True,
    ),
)
"""The rules for single paragraphs. The first rule that matches decides."""

DATE = re.compile(
    r"\b(?:\d{1,2}(?:st|nd|rd|th)?[\s-]+(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?,?[\s-]+\d{4}"
    r"|(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+\d{4}"
    r"|\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d+ (?:min(?:ute)?s?|hours?|days?|weeks?|months?|years?) ago"
    r"|\d+[ -]min(?:ute)?s?\.? read)",
    re.IGNORECASE,
)
"""A date, the age of a page or its reading time."""
TIME_WORDS = re.compile(
    r"\b(?:last|first|up-?dated?|published|posted|modified|created|on|at|and|date|time|reading|local|edition"
    r"|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?|\d{1,2}[:.]\d\d|[ap]\.?m\.?|(?-i:[A-Z]{2,4}T?)|h(?:rs?)?|o'clock)\b",
    re.IGNORECASE,
)
"""Words that may accompany a date in a dateline."""
AFTER_END = re.compile(
    r"^\W*(?:about the (?:author|writer|reporter|contributor)s?|(?:\d+ )?comments?(?: \(\d+\))?|leave a (?:reply|comment)"
    r"|(?:view|jump to|join the|show) (?:comments?|conversation)|be part of the conversation|author profile.*"
    r"|join the (?:conversation|discussion)|article topic follows.*|related(?: \w+)?|most (?:read|popular|viewed)"
    r"|more from .*|you (?:may|might) also like|(?:what to )?read next|latest (?:news|stories|headlines)|top stories"
    r"|trending(?: now)?|recommended(?: for you)?|more (?:stories|news|articles|headlines)(?: .*)?)\W*$",
    re.IGNORECASE,
)
"""A line that ends the article; what follows it in the last part of the page is not part of the article."""
AUTHOR_NOTE = re.compile(
    rf"^(?:{_NAME} ){{1,4}}(?:is|was|covers|writes|reports|teaches)\b (?:an? |the )?(?:[\w-]+ ){{0,5}}{_ROLE}\b"
    rf"|^(?:An? |The )?(?:{_NAME} )*(?i:{_ROLE}) (?:covers|writes|reports) (?:on|about|for|from)\b"
)
"""The beginning of a note about the author at the end of an article without a heading."""
SENTENCE_END = re.compile(r"[.!?…:;。！？؟।][\"'”’»)\]」』》）]*$")
"""The end of a sentence, in any script."""
PROSE_END = re.compile(r"[.!?…][\"'”’»)\]]*$")
"""The end of a sentence of running text. Unlike SENTENCE_END, it excludes colons, semicolons and other scripts."""
NON_HEADLINE_END = re.compile(r"[.…:;,]$")
"""Punctuation at the end of a line that is not a headline. A headline may end in `?` or `!`."""
LIST_ITEM = re.compile(r"^(?:[•▪◦*–—-]|\d+[.)])\s|^[A-Z]:\s")
"""The beginning of a list item with a bullet or a number, or of a line in an interview ("Q: ")."""
QUOTE_MARKS = re.compile(r"^[\"'“”‘’«]+|[\"'“”‘’».,!?]+$")
"""The quotation marks and punctuation around a pull quote."""
