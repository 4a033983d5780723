"""Rows of tags files for the tests of reports."""

from __future__ import annotations

from typing import Any

from tagging.rows import COPY, NO_TOPIC, REVIEW, TAGGED, TYPES

NASTY = """</script><script>alert('nasty')</script><img src="x" onerror="alert('nasty')">&lt;{{data}}\u2028"""


def passage(
    article: str, *, number: int = 1, text: str = "A text.", topics: dict[str, str | None], status: str = TAGGED, **known: Any
) -> dict[str, Any]:  # fmt: skip
    """The row of a passage with at most one topic."""
    (topic, stance), *_ = [*topics.items(), (None, None)]
    of_topic = {"topic": topic, "topic_probability": 0.9, "stance": stance, "stance_probability": 0.8} if topic else {}
    names = {"model": "tiny/1", "codebook": "tiny@1.0.0"}
    place = {"passage": f"{article}#{number}", "start": 100 * number, "end": 100 * number + 50, "text": text}
    row = {"article": article, "assigned": bool(topic), "status": status if topic or status != TAGGED else NO_TOPIC}
    return dict.fromkeys(TYPES) | row | names | place | of_topic | known


def copy(article: str, *, of: str, **known: Any) -> dict[str, Any]:
    names = {"model": "tiny/1", "codebook": "tiny@1.0.0"}
    row = {"article": article, "assigned": False, "status": COPY, "copy_of": of}
    return dict.fromkeys(TYPES) | names | row | known


def world() -> list[dict[str, Any]]:
    """A year of two sources on tea and rain, with all that a batch may have in it."""
    january = {
        "source": "The Crier",
        "published": "2024-01-15",
        "title": "Kettles on",
        "url": "https://example.org/tea",
    }
    december = {"source": "Town Post", "published": "2024-12-02T08:00:00Z", "title": "Umbrellas"}
    both = {"number": 2, "text": "Samovars steam while gutters drip."}
    return [
        passage("tea", text="The council praises the teapot.", topics={"tea": "favor"}, **january),
        passage("tea", **both, topics={"rain": "neutral"}, **january),
        passage("tea", number=3, text="Home | About", topics={}, status="boilerplate", **january),
        passage("rain", text="Nobody backs umbrellas now.", topics={"rain": "against"}, **december),
        passage("rain", **both, topics={"tea": "against"}, status=REVIEW, **december),
        passage("rain", **both, topics={"rain": None}, **december),
        passage("rain", number=3, text="A kettle, perhaps.", topics={}, status=REVIEW, **december),
        passage("rain", number=4, text="The match was lost.", topics={}, **december),
        passage("nasty", text=NASTY, topics={"tea": "favor"}, title=NASTY, url="javascript:alert(1)"),
        passage("nasty", number=2, text="Not on this day.", topics={"tea": "against"}, title=NASTY),
        copy("again", of="tea", source="Town Post", published="2024-02-01", title="Kettles on again"),
    ]
