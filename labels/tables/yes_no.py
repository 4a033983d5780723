"""Whether several columns of topics hold topics, or yes and no for the topics in their names."""

from __future__ import annotations

from collections.abc import Sequence

from labels.errors import DemarcheError, quoted_list, value_option
from labels.tables.cells import DOUBTFUL, MISSING, NONE, fold, is_blank, to_number, word
from labels.tables.columns import Row
from labels.tables.vocabulary import Vocabulary

_CERTAIN_ANSWERS = {"yes", "true", "false"}
"""Words that are hardly ever topics, as 1, x and no (Norway) may be."""
_SHOWN = 3


def hold_answers(columns: Sequence[str], rows: Sequence[Row], vocabulary: Vocabulary) -> bool:
    """Return whether several columns of topics hold yes and no, and not the names of topics.

    A codebook decides. Raises DemarcheError if none does, and the values may be either.
    """
    cells = [row.get(name) for name in columns for row in rows]
    if all(map(is_blank, cells)) or (vocabulary.reads_scores and any(to_number(cell) is not None for cell in cells)):
        return True
    words = {word(cell): None for cell in cells if not is_blank(cell)}
    filled = [name for name in words if name.casefold() not in MISSING | DOUBTFUL | NONE]
    answers = [name for name in filled if vocabulary.is_answer(name)]
    others = [name for name in filled if name not in answers]
    if not answers:
        return False
    if any(map(vocabulary.is_known, columns)):
        return True
    if any(map(vocabulary.is_topic, filled)):
        return False
    if others and not any(name.casefold() in _CERTAIN_ANSWERS for name in answers):
        raise DemarcheError(_topics_or_answers(columns, answers, others))
    return True


def _topics_or_answers(columns: Sequence[str], answers: Sequence[str], others: Sequence[str]) -> str:
    """Return the question what columns hold whose values are partly yes and no."""
    # 1 and 1.0 are one value, of which the shorter spelling is advised.
    spellings = {fold(name): name for name in sorted(answers, key=len, reverse=True)}
    topics = " ".join(value_option(name, name) for name in spellings.values())
    yes_no = " ".join(value_option(name, "ANSWER") for name in others[:_SHOWN])
    more = f" and so on for {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    return (
        f"columns {quoted_list(columns)} hold {quoted_list(answers)}, which may mean yes or no, and also "
        f"{quoted_list(others, shown=_SHOWN)}; if all of them are topics, add `{topics}`, or name their codebook with "
        f"--codebook; if each column says whether the topic of its name holds, add `{yes_no}`{more}, "
        "where ANSWER is yes or no"
    )
