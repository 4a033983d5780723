"""Made-up readings go through doccano's own import and export: are the labels the same?

    python -m benchmarks.doccano DOCCANO_PYTHON [FOLDER]

DOCCANO_PYTHON is the Python of an environment with doccano (1.8.4 was tried, with `pip install doccano "numpy<2"
"marshmallow<4"`, which it does not ask for but needs). FOLDER (build/doccano) gets its database and the files.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

from labels.codebook import Codebook, Topic
from labels.passages import Annotation, Label, Passage
from labels.tools import doccano
from labels.tools.work import prepare

TEXT = "😀 The mayor praised tea.\nRain fell 🌧 on the bakers,\r\nwho scorned umbrellas & <b>cake</b>."
BOOK = Codebook(
    id="town", version="1.0.0", topics=(Topic(id="tea"), Topic(id='rain, or "drizzle"'), Topic(id="чай 茶"))
)


def made_up() -> tuple[list[Passage], list[Annotation]]:
    def span(words: str) -> tuple[int, int]:
        return TEXT.index(words), TEXT.index(words) + len(words)

    rain = Label(topic='rain, or "drizzle"', stance="against", holder="the bakers", evidence=span("umbrellas"))
    tea = Label(topic="tea", stance="favor", holder="The mayor", evidence=span("praised tea"))
    other = Label(topic="чай 茶", evidence=span("<b>"))
    passages = [Passage(id=f"p {n} ü", article="a", text=TEXT, start=0, end=len(TEXT), title="T") for n in range(3)]
    labels: list[tuple[Label, ...]] = [(rain, tea), (other,), ()]
    return passages, [
        Annotation(passage=passage.id, annotator="anna", codebook=BOOK.reference, labels=each)
        for passage, each in zip(passages, labels, strict=True)
    ]


def main(python: str, folder: Path) -> None:
    passages, annotations = made_up()
    inside = Path(__file__).with_name("doccano_inside.py").resolve()
    for kind in get_args(doccano.Kind):
        out = (folder / kind).resolve()
        lost: Counter[str] = Counter()
        exported = doccano.export(out, BOOK, prepare(BOOK, passages, annotations, {}, lost), lost, kind=kind)
        environment = os.environ | {"DATABASE_URL": f"sqlite:///{out.parent / 'doccano.db'}"}
        command = [python, str(inside), kind, str(out / "data.jsonl"), str(out / "anna.jsonl")]
        # In a folder of its own: doccano writes into the one that it is started in.
        subprocess.run(command, env=environment, cwd=out, check=True, stdout=subprocess.DEVNULL)
        imported = doccano.read(out / "anna.jsonl", BOOK, empty="none")
        same = {a.passage: sorted(map(repr, a.labels)) for a in annotations} == {
            a.passage: sorted(map(repr, a.labels)) for a in imported.annotations
        }
        texts = "the texts are the same" if imported.passages == passages else "the texts DIFFER"
        print(f"{kind}: the labels are {'the same' if same else 'others'}, {texts}; lost: {dict(exported.lost)}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2] if len(sys.argv) > 2 else "build/doccano"))
