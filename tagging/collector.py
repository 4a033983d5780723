"""Collect the results of a batch in shards: what is tagged already is left out, and so are copies of an article."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from labels.errors import DemarcheError, one_line
from tagging.drift import SAMPLED, Sample
from tagging.in_batches import Worked
from tagging.jobs import Item, TaggedArticle, digest_of_text
from tagging.progress import Listed, Stage, State
from tagging.readers import ArticleFile, ReadArticle, RemoteFile, Unreadable, id_of, nothing_read
from tagging.rows import Names, row_of_copy
from tagging.shards import ARTICLES, CANDIDATES, TAGS, Kept, Shards
from tagging.summary import COUNTED, Summary

ROWS_OF_A_SHARD = 10_000
SECONDS_OF_A_SHARD = 60.0
"""A shard is written after this many rows, which are kept in memory, or seconds; a kill loses what is in no shard."""


class Collector:
    """The results of a batch on their way to the shards.

    `names` are the model, codebook and run that each row has. `is_file`: the shards are those of a single batch.
    """

    def __init__(self, shards: Shards, names: Names, *, is_file: bool) -> None:
        self.summary, self.sample = Summary(), Sample()
        self._shards, self._names, self._is_file = shards, names, is_file
        self._digests: dict[str, bytes] = {}  # of the items that are being worked on
        self._was_empty, self._earlier, self._done = False, 0, 0
        self._start_shard()

    def _start_shard(self) -> None:
        self._rows: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        self._kept: list[Kept] = []
        self._texts: dict[bytes, str] = {}
        self._since = time.monotonic()

    def begin(self, inputs: Sequence[str]) -> None:
        """Find out whether this batch goes on where another one stopped. Raises DemarcheError if that had other inputs."""
        before = self._shards.unfinished_inputs()
        if self._is_file and before not in (None, inputs):
            raise DemarcheError(
                f"{self._shards.folder}: an unfinished batch of other inputs ({', '.join(map(one_line, before or []))}); "
                "finish that one first, or start again with --replace"
            )
        self.summary.goes_on = before == inputs and not self._shards.is_empty
        self._shards.begin(inputs)
        if self._is_file:
            self.summary.unreadable += self._shards.unreadable()
            for tags, candidates in zip(self._shards.tables(TAGS), self._shards.tables(CANDIDATES), strict=True):
                self.summary.add(tags.select(COUNTED).to_pylist(), candidates["passage"].to_pylist())
                self.sample.add(tags.select(SAMPLED).to_pylist())
        self._earlier, self._was_empty = self.summary.passages, self._shards.is_empty

    def new(self, items: Iterable[Item | Unreadable]) -> Iterator[Item | Unreadable | TaggedArticle]:
        """Yield the items that are not in the shards; an article that is known to be a copy is yielded without rows.

        Raises DemarcheError if an item changed since an earlier part of a batch that makes files.
        """
        for item in items:
            if isinstance(item, Unreadable):
                yield item
                continue
            name, digest = id_of(item), _digest(item)
            # The ids of a batch differ: what is new to the store cannot be there.
            before = None if self._was_empty else self._digest_before(item, digest)
            if before is None:
                self._digests[name] = digest
                yield self._untagged_copy(item) or item
            elif before == digest:
                self._done += 1
                self.summary.seen += not self._is_file
            elif self._is_file:
                raise DemarcheError(
                    f"{one_line(name)}: changed since the first part of the batch was tagged; put it back as it was, or "
                    "start again with --replace"
                )
            else:
                self._done += 1
                self.summary.changed.append(name)

    def _digest_before(self, item: Item, digest: bytes) -> bytes | None:
        """Return the digest that the item had in an earlier batch, or None if it is new.

        An article whose id other tables have too may be in the store under that id, from before there were others.
        """
        before = self._shards.digest_of(id_of(item))
        if before is not None or not isinstance(item, ReadArticle) or item.shared_id is None:
            return before
        unshared = item._replace(article=item.article.model_copy(update={"id": item.shared_id}))
        return digest if self._shards.digest_of(item.shared_id) == _digest(unshared) else None

    def _untagged_copy(self, item: Item) -> TaggedArticle | None:
        if not isinstance(item, ReadArticle) or self._first_with(digest_of_text(item)) is None:
            return None
        return TaggedArticle.of(item, [], [], with_article=True)

    def _first_with(self, digest: bytes) -> str | None:
        """Return the id of the article that has the tags of the text with this digest."""
        return self._texts.get(digest) or self._shards.article_with(digest)

    def add(self, batch: Iterable[Worked[TaggedArticle, Any]]) -> None:
        """Take in the results of some items, and write a shard if there is enough for one."""
        for item, results in batch:
            self._done += 1
            self._take(item.id if isinstance(item, TaggedArticle) else id_of(item), results)
        if sum(map(len, self._rows.values())) >= ROWS_OF_A_SHARD or time.monotonic() - self._since > SECONDS_OF_A_SHARD:
            self._write()

    def _take(self, name: str, results: Sequence[TaggedArticle | Unreadable]) -> None:
        """Add the results of an item to the shard. An item without a single article is read again by another batch."""
        articles = [result for result in results if isinstance(result, TaggedArticle)]
        unreadable = [result for result in results if isinstance(result, Unreadable)]
        self.summary.unreadable += unreadable
        digest, texts = self._digests.pop(name, b""), {}
        for article in articles:
            rows, candidates = article.rows, article.candidates
            if first := self._first_with(article.digest):
                rows, candidates = [row_of_copy(article.id, first, article.metadata, self._names)], []
            else:
                self._texts[article.digest] = texts[article.digest] = article.id
            self.summary.add(rows, [str(row["passage"]) for row in candidates])
            self.sample.add(rows)
            self._rows[TAGS] += rows
            self._rows[CANDIDATES] += candidates
            if article.article is not None:
                self._rows[ARTICLES].append(article.article.model_dump(mode="json"))
        if articles:
            self._kept.append(Kept(name, digest, texts, unreadable))

    def state(self, stage: Stage, listed: Listed) -> State:
        """Return how far the batch has come, given the files of its inputs."""
        return State(
            stage=stage,
            articles=self.summary.articles,
            passages=self.summary.passages,
            tags=self.summary.assigned,
            earlier=self._earlier,
            done=self._done,
            total=None if listed.tables else listed.files,
            files=listed.files,
            files_left=listed.files - listed.begun,
        )

    def finish(self) -> None:
        """Write the last shard. Raises DemarcheError if no article could be read."""
        self._write()
        if self._shards.is_empty:
            raise nothing_read(self.summary.unreadable)

    def _write(self) -> None:
        if self._kept:
            self._shards.add(self._rows, self._kept)
        self._start_shard()


def _digest(item: Item) -> bytes:
    """Return a digest of all that is read of an item; empty if its file cannot be read, which a worker will report."""
    if isinstance(item, ArticleFile):
        if isinstance(item.path, RemoteFile):
            return item.path.digest
        if not item.path.is_file():
            return b""  # a pipe, say, on which this process would wait without a limit
        try:
            with item.path.open("rb") as stream:
                return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).digest()
        except OSError:
            return b""
    known = f"{item.target or ''}\0{item.article.model_dump_json()}"
    return hashlib.blake2b(known.encode(), digest_size=16).digest()
