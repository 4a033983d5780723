"""Rename the topics of a model whose codebook gave them other ids, without training it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from labels.codebook import Codebook, Topic
from models.tagger import Tagger


def rename_topics(tagger: Tagger, codebook: Codebook, names: Mapping[str, str]) -> Tagger:
    """Return the tagger with the codebook of a later version, in which each topic has the id that `names` gives it.

    A model knows its topics by their order, so the codebook's topics are put in the order of the model's. It knows the
    targets of stance by their words, so a topic without a target keeps the name that stood for it.
    """
    topics = tuple(_with_its_target(codebook.topic(names[topic.id]), topic) for topic in tagger.codebook.topics)
    settings = tagger.settings
    if (errors := settings.confusion) is not None:
        cases = tuple(case.model_copy(update={"topic": names[case.topic]}) for case in errors.cases)
        renamed = errors.model_copy(update={"topics": tuple(names[id] for id in errors.topics), "cases": cases})
        settings = settings.model_copy(update={"confusion": renamed})
    return replace(tagger, codebook=codebook.model_copy(update={"topics": topics}), settings=settings)


def _with_its_target(topic: Topic, known: Topic) -> Topic:
    if topic.proposition == known.proposition:
        return topic
    return topic.model_copy(update={"target": known.proposition})
