"""Read the rows of a folder that `Dataset.save_to_disk` of Hugging Face's `datasets` wrote."""

from __future__ import annotations

from pathlib import Path

from labels.errors import DemarcheError, Problems
from labels.files import load_json, read_text
from labels.table_files.rows import Rows, repeated_names

STATE = "state.json"
SPLITS = "dataset_dict.json"
"""The file beside the folders of a dataset's splits."""
_INFO = "dataset_info.json"


def is_saved_dataset(path: Path) -> bool:
    """Return whether the path is the folder of a dataset, or of one of its splits."""
    return (path / STATE).is_file() and (path / _INFO).is_file()


def read_saved_dataset(path: Path, problems: Problems) -> Rows:
    """Yield (number, row) of the Arrow files in the folder, a batch of rows at a time."""
    import pyarrow as pa

    number = 0
    for name in _shards(path):
        try:
            with pa.memory_map(str(path / name)) as source, pa.ipc.open_stream(source) as batches:
                if what := repeated_names(batches.schema.names):
                    problems.add(path / name, None, what)
                    return
                for batch in batches:
                    for row in batch.to_pylist(maps_as_pydicts="strict"):
                        number += 1
                        yield number, row
        except (pa.ArrowException, OSError, KeyError, ValueError, OverflowError) as error:
            problems.add(path, number + 1, f"{name} cannot be read from here: {error}; save the dataset again")
            return


def _shards(path: Path) -> list[str]:
    """Return the names of the Arrow files, in order. Raises DemarcheError if the folder does not say them."""
    state = load_json(read_text(path / STATE))
    files = state.get("_data_files") if isinstance(state, dict) else None
    names = [str(file.get("filename")) for file in files or () if isinstance(file, dict)]
    if not names or any(Path(name).name != name for name in names):
        raise DemarcheError(f"{path / STATE}: names no files of rows; save the dataset again")
    return names
