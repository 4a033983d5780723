"""Choose the passages to label next: those that a model is unsure of, those that it may have missed, and a random sample.

Scores are computed in a stream, and only the best passages of each reason are kept, so that memory does not grow with the
number of passages.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np
from scipy.sparse import csr_matrix

from labels.gold.adjudication import Target
from labels.passages import Passage
from models.cleaning import clean
from models.examples import FloatArray
from models.families.baselines import RuleTopics
from models.tagger import Tag, Tagger

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import HashingVectorizer

Reason = Literal["uncertain topic", "uncertain stance", "keyword", "like labelled", "random"]
REASONS: tuple[Reason, ...] = get_args(Reason)
"""Why a passage is chosen. `keyword` and `like labelled`: the model finds no topic, but a keyword of the codebook or the
likeness to a labelled passage speaks for one."""
RANDOM: Reason = "random"
_KEPT_EACH, _KEPT_MOST, _KEPT_LEAST = 20, 5000, 200
"""How many of the best of each reason are kept: 20 per passage to choose, so that the final choice can avoid likeness."""
_FEATURES = 2**18


class Score(NamedTuple):
    """How much speaks for labelling a passage, in [0, 1], and the topic or target that it is about."""

    reason: Reason
    about: str
    score: float


class Candidate(NamedTuple):
    """A passage with the score of one reason to label it."""

    passage: Passage
    score: Score


class Labelled:
    """The labelled passages: they are not chosen again, and show what passages with a topic are like.

    A labelled passage counts for the topics that the tagger finds in it.
    """

    def __init__(self, passages: Sequence[Passage], tagger: Tagger):
        self._texts = {_words(passage.text) for passage in passages}
        self._topics = tagger.codebook.topic_ids
        self._idf = np.ones(0)
        self._with_topic: list[csr_matrix] = []
        if passages and tagger.reader.reads_topics:
            counts = _hashing().transform([clean(passage.text) for passage in passages])
            self._idf = np.log((1 + len(passages)) / (1 + np.bincount(counts.indices, minlength=_FEATURES))) + 1
            _, tags = tagger.read_topics(passages)
            found = [{tag.topic for tag in each if tag.assigned} for each in tags]
            vectors = self._vectors(counts)
            self._with_topic = [
                vectors[[row for row, topics in enumerate(found) if topic in topics]] for topic in self._topics
            ]

    def has(self, passage: Passage) -> bool:
        """Return whether a passage with the same words is labelled; ids may recur in other data."""
        return _words(passage.text) in self._texts

    def likeness(self, passages: Sequence[Passage]) -> FloatArray:
        """Return (n, topics): the cosine similarity to the nearest labelled passage with the topic; 0 without one."""
        likeness = np.zeros((len(passages), len(self._topics)))
        if self._with_topic and passages:
            vectors = self._vectors(_hashing().transform([clean(passage.text) for passage in passages]))
            for column, known in enumerate(self._with_topic):
                if known.shape[0]:
                    likeness[:, column] = (vectors @ known.T).max(axis=1).toarray().ravel()
        return likeness

    def _vectors(self, counts: csr_matrix) -> csr_matrix:
        from sklearn.preprocessing import normalize

        weighted = csr_matrix(
            (np.log1p(counts.data) * self._idf[counts.indices], counts.indices, counts.indptr), counts.shape
        )
        return csr_matrix(normalize(weighted))


@dataclass(frozen=True)
class Scorer:
    """Scores passages by what a tagger says of them."""

    tagger: Tagger
    labelled: Labelled

    def scores(self, passages: Sequence[Passage], targets: Sequence[Target | None]) -> list[list[Score]]:
        """Return the scores of each passage, at most one for each reason, but none for the reason `random`."""
        scores: list[list[Score]] = [[] for _ in passages]
        if not passages:
            return scores
        tags: list[list[Tag]] = [[] for _ in passages]
        if self.tagger.reader.reads_topics:
            probabilities, tags = self.tagger.read_topics(passages)
            self._score_topics(passages, probabilities, scores)
        if any(targets) and self.tagger.reader.reads_stance:
            tags = self.tagger.tag(passages, targets)
        for row, tags_of_passage in enumerate(tags):
            doubts = [doubt for tag in tags_of_passage if (doubt := self._stance_doubt(tag)) is not None]
            if doubts:
                scores[row].append(max(doubts, key=lambda doubt: doubt.score))
        return scores

    def _score_topics(self, passages: Sequence[Passage], probabilities: FloatArray, scores: list[list[Score]]) -> None:
        calibration = self.tagger.settings.topic_calibration
        assert calibration is not None
        thresholds = np.array(calibration.thresholds)
        ids = self.tagger.codebook.topic_ids
        above = probabilities >= thresholds
        room = np.where(above, 1 - thresholds, thresholds)
        nearness = 1 - np.abs(probabilities - thresholds) / np.maximum(room, 1e-9)
        keywords = RuleTopics.of(self.tagger.codebook).predict_proba([clean(passage.text) for passage in passages])
        by_reason: dict[Reason, FloatArray] = {
            "uncertain topic": nearness,
            # Of the keywords that the model passes over, those say most that it is least sure to pass over.
            "keyword": np.where(above, 0.0, keywords * (0.5 + nearness / 2)),
            "like labelled": np.where(above, 0.0, self.labelled.likeness(passages)),
        }
        for reason, each in by_reason.items():
            for row, column in enumerate(each.argmax(axis=1)):
                if each[row, column] > 0:
                    scores[row].append(Score(reason, ids[column], float(each[row, column])))

    def _stance_doubt(self, tag: Tag) -> Score | None:
        """Return how close the two most probable stances are, weighted by the probability of the topic."""
        if tag.stances is None:
            return None
        calibration = self.tagger.settings.stance_calibration
        weights = calibration.weights if calibration else (1.0, 1.0, 1.0)
        weighted = np.array(tag.stances) * np.array(weights)
        second, first = np.sort(weighted / weighted.sum())[-2:]
        topic = 1.0 if tag.topic_probability is None else tag.topic_probability
        return Score("uncertain stance", tag.topic, float(topic * (1 - (first - second))))


class Shortlist:
    """Keeps the best passages of each reason, and a random sample, from a stream of passages.

    The hash of the id decides what is in the random sample, so that it does not depend on the order of the passages.
    """

    def __init__(self, n: int, *, seed: int):
        self.n = n
        self.seed = seed
        self.passages = 0
        self._kept = n + min(max(_KEPT_EACH * n, _KEPT_LEAST), _KEPT_MOST)
        self._heaps: dict[Reason, list[tuple[float, str, Candidate]]] = {reason: [] for reason in REASONS}
        self._seen: set[bytes] = set()

    def add(self, passage: Passage, scores: Iterable[Score]) -> None:
        """Add a passage, unless one with the same words was added."""
        digest = hashlib.blake2b(_words(passage.text).encode("utf-8", "surrogatepass"), digest_size=8).digest()
        if digest in self._seen:
            return
        self._seen.add(digest)
        self.passages += 1
        drawn = self._draw(passage.id)
        chance = Score(RANDOM, "", int.from_bytes(drawn, "big") / 2**64)
        for score in (*scores, chance):
            heap = self._heaps[score.reason]
            # Ties are broken by the same hash: two candidates cannot be compared.
            entry = (score.score, drawn.hex() + passage.id, Candidate(passage, score))
            if len(heap) < self._kept:
                heapq.heappush(heap, entry)
            elif entry[:2] > heap[0][:2]:
                heapq.heapreplace(heap, entry)

    def shuffled(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Return candidates in random order, so that those who annotate only the first ones annotate some of each reason."""
        return sorted(candidates, key=lambda each: self._draw(f"order:{each.passage.id}"))

    def _draw(self, name: str) -> bytes:
        return hashlib.blake2b(f"{self.seed}:{name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()

    def best(self, reason: Reason) -> list[Candidate]:
        """Return the candidates of a reason, the best first."""
        return [candidate for *_, candidate in sorted(self._heaps[reason], key=lambda entry: entry[:2], reverse=True)]


SHARES: Mapping[Reason, float] = {
    "random": 0.2, "uncertain topic": 0.3, "uncertain stance": 0.2, "keyword": 0.15, "like labelled": 0.15,
}  # fmt: skip
"""The default shares. Where a reason has too few passages, the others take its share."""


def with_random_share(share: float | None) -> Mapping[Reason, float]:
    """Return the shares of the reasons, of which the random sample has the given one instead of the default."""
    if share is None:
        return SHARES
    rest = 1 - SHARES[RANDOM]
    return {reason: share if reason == RANDOM else each * (1 - share) / rest for reason, each in SHARES.items()}


def choose(shortlist: Shortlist, *, shares: Mapping[Reason, float] = SHARES) -> list[Candidate]:
    """Return n passages, or all if there are fewer, each with its reason: the random ones first.

    The random sample is drawn from all passages, and the rest in proportion to the shares; reasons with too few
    candidates leave their places to the others. Among the candidates of a reason, those count less that are like
    passages chosen before, as in maximal marginal relevance (Carbonell and Goldstein 1998).
    """
    chosen = _Chosen(shortlist)
    chosen.take(shortlist.best(RANDOM), round(shares.get(RANDOM, 0) * chosen.missing))
    reasons = [reason for reason in REASONS if reason != RANDOM and shares.get(reason) and shortlist.best(reason)]
    while reasons and chosen.missing:
        total = sum(shares[reason] for reason in reasons)
        wanted = {reason: max(1, round(shares[reason] / total * chosen.missing)) for reason in reasons}
        for reason in list(reasons):
            if chosen.take_diverse(shortlist.best(reason), min(wanted[reason], chosen.missing)) < wanted[reason]:
                reasons.remove(reason)
    chosen.take(shortlist.best(RANDOM), chosen.missing)
    return chosen.candidates


class _Chosen:
    """The passages chosen so far, with the vectors by which others are compared with them."""

    def __init__(self, shortlist: Shortlist):
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._n = min(shortlist.n, shortlist.passages)
        self.candidates: list[Candidate] = []
        passages = {each.passage.id: each.passage for reason in REASONS for each in shortlist.best(reason)}
        self._row = {id: row for row, id in enumerate(passages)}
        self._nearest = np.zeros(len(passages))
        texts = [clean(passage.text) for passage in passages.values()]
        vectorizer = TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b", dtype=np.float32)
        # Texts without any word cannot be compared.
        self._vectors = vectorizer.fit_transform(texts) if any(map(_words, texts)) else csr_matrix((len(texts), 1))

    @property
    def missing(self) -> int:
        return self._n - len(self.candidates)

    def take(self, candidates: Sequence[Candidate], count: int) -> None:
        """Take the first candidates."""
        for candidate in self._free(candidates)[: max(count, 0)]:
            self._add(candidate)

    def take_diverse(self, candidates: Sequence[Candidate], count: int) -> int:
        """Take candidates by their score times their distance from what is chosen, and return their number."""
        free = self._free(candidates)
        scores = np.array([candidate.score.score for candidate in free])
        rows = np.array([self._row[candidate.passage.id] for candidate in free], dtype=np.intp)
        is_free = np.ones(len(free), dtype=np.bool_)
        for taken in range(count):
            if taken == len(free):
                return taken
            best = int(np.argmax(np.where(is_free, scores * (1 - self._nearest[rows]), -1.0)))
            self._add(free[best])
            is_free[best] = False
        return count

    def _free(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        taken = {candidate.passage.id for candidate in self.candidates}
        return [candidate for candidate in candidates if candidate.passage.id not in taken]

    def _add(self, candidate: Candidate) -> None:
        self.candidates.append(candidate)
        row = self._row[candidate.passage.id]
        similarity = np.asarray((self._vectors @ self._vectors[row].T).todense()).ravel()
        self._nearest = np.maximum(self._nearest, np.minimum(similarity, 1.0))


def _hashing() -> HashingVectorizer:
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        n_features=_FEATURES, norm=None, alternate_sign=False, token_pattern=r"(?u)\b\w+\b", dtype=np.float32
    )


def _words(text: str) -> str:
    """Return the words of a text: copies differ in quotation marks, dashes and case."""
    return " ".join(re.findall(r"\w+", text.casefold())) or text
