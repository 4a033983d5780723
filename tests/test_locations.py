"""Inputs are paths, patterns, folders of `datasets`, and URLs; their files are read under the same ids wherever they are."""

from __future__ import annotations

import gzip
import http.server
import os
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labels.errors import DemarcheError
from tagging.collector import _digest
from tagging.readers import ArticleColumns, ArticleFile, ReadArticle, Unreadable, list_articles, read_articles, remote
from tests.pdfs import column, pdf

pytestmark = pytest.mark.xdist_group("locations")  # one store for all of them


def read(*inputs: Path | str) -> tuple[dict[str, str], dict[str, str]]:
    """Return id → text of the articles and name → reason of what is unreadable."""
    items = list(read_articles(inputs, ArticleColumns()))
    return (
        {item.article.id: item.article.text for item in items if isinstance(item, ReadArticle)},
        {item.name: item.reason for item in items if isinstance(item, Unreadable)},
    )


@pytest.fixture
def news(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a.txt", "2024/b.txt", "2024/c.md", "2024/05/d.txt", "2024/.hidden.txt"):
        path = tmp_path / "news" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name}.")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "news"


@pytest.mark.parametrize(
    ("pattern", "ids"),
    [
        ("news/**/*.txt", ["2024/05/d.txt", "2024/b.txt", "a.txt"]),
        ("news/2024/*.txt", ["b.txt"]),
        ("news/2024/[bc].*", ["b.txt", "c.md"]),
        ("news/20??", ["2024/05/d.txt", "2024/b.txt", "2024/c.md"]),
    ],
)
def test_a_pattern_finds_files_whose_ids_are_their_paths_below_its_folder(
    news: Path, pattern: str, ids: list[str]
) -> None:
    assert list(read(pattern)[0]) == ids
    assert list(read(str(news.parent / pattern))[0]) == ids


def test_a_pattern_without_a_match_is_an_error(news: Path) -> None:
    with pytest.raises(DemarcheError, match=r"news/\*\.html: no file matches this pattern"):
        read("news/*.html")


def test_a_name_with_brackets_is_no_pattern(news: Path) -> None:
    (news / "[draft].txt").write_text("Draft.")
    assert read(str(news / "[draft].txt"))[0] == {"[draft].txt": "Draft."}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset of two shards, one of two splits, and a text."""
    from datasets import Dataset, DatasetDict, disable_progress_bars, enable_progress_bars

    folder = tmp_path_factory.mktemp("datasets")
    rows = Dataset.from_list([{"id": f"n{number}", "text": f"The pilots met {number}."} for number in range(6)])
    disable_progress_bars()
    rows.save_to_disk(folder / "plain", num_shards=2)
    DatasetDict(train=rows.select([4, 0]), test=rows.select([1]).remove_columns("id")).save_to_disk(folder / "splits")
    enable_progress_bars()
    (folder / "a.txt").write_text("One.")
    return folder


def test_the_rows_of_a_saved_dataset_are_articles(dataset: Path) -> None:
    assert read(dataset / "plain") == ({f"n{number}": f"The pilots met {number}." for number in range(6)}, {})


def test_the_splits_of_a_saved_dataset_are_tables(dataset: Path) -> None:
    articles, unreadable = read(dataset / "splits")
    assert articles == {"test:1": "The pilots met 1.", "n4": "The pilots met 4.", "n0": "The pilots met 0."}
    assert unreadable == {}
    articles, unreadable = read(dataset)
    assert len(articles) == 10
    assert {"a.txt", "plain:n0", "splits/train:n0", "splits/test:1", "n1"} <= articles.keys()
    assert unreadable == {}


def test_the_rows_above_a_damage_of_a_saved_dataset_are_read(dataset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    folder.mkdir()
    for path in (dataset / "plain").iterdir():
        (folder / path.name).write_bytes(path.read_bytes()[: 300 if "00001" in path.name else None])
    articles, unreadable = read(folder)
    assert list(articles) == ["n0", "n1", "n2"]
    assert "data-00001-of-00002.arrow cannot be read from here" in unreadable["damaged:4"]


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """The URL of a server of object storage on this machine; its credentials are in the environment."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patched.setenv("AWS_ACCESS_KEY_ID", "testing")
        patched.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patched.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield "s3://news"
    server.stop()


FILES = {
    "archive/a.txt": b"One.",
    "archive/2024/b.txt.gz": gzip.compress(b"Two."),
    "archive/2024/c.jsonl": b'{"id": "n1", "text": "Three."}\n',
    "archive/2024/d.pdf": pdf([column(["The pilots met for an hour in a side room."])]),
    "archive/.hidden/e.txt": b"Hidden.",
    "archive/feed.xml": b"<rss><channel><item><guid>g</guid><description>Four.</description></item></channel></rss>",
    "other/z.txt": b"Other.",
}


@pytest.fixture(scope="module")
def bucket(store: str) -> str:
    import s3fs

    filesystem = s3fs.S3FileSystem()
    filesystem.mkdir("news")
    for name, raw in FILES.items():
        filesystem.pipe(f"news/{name}", raw)
    return store


def test_the_objects_of_a_bucket_are_read_as_the_files_of_a_folder_are(bucket: str, tmp_path: Path) -> None:
    for name, raw in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(raw)
    found = read(f"{bucket}/archive")
    assert found == read(tmp_path / "archive")
    assert len(found[0]) == 5
    assert read(f"{bucket}/archive/**/*.txt")[0] == {"a.txt": "One."}
    assert read(f"{bucket}/archive/a.txt") == ({"a.txt": "One."}, {})


def test_objects_and_files_of_one_name_get_their_folders_before_it(bucket: str, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "z.txt").write_text("Here.")
    assert read(f"{bucket}/other", tmp_path / "here")[0] == {"other/z.txt": "Other.", "here/z.txt": "Here."}


def test_an_object_is_known_by_its_version_without_being_fetched(bucket: str) -> None:
    import s3fs

    def file() -> ArticleFile:
        (item,) = list_articles([f"{bucket}/archive/a.txt"], ArticleColumns())
        assert isinstance(item, ArticleFile)
        return item

    first = file()
    assert pickle.loads(pickle.dumps(first)) == first
    assert _digest(file()) == _digest(first)
    s3fs.S3FileSystem().pipe("news/archive/a.txt", b"1ne.")
    s3fs.S3FileSystem.clear_instance_cache()
    assert _digest(file()) != _digest(first)
    s3fs.S3FileSystem().pipe("news/archive/a.txt", b"One.")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://nowhere/archive", "no such file, folder or bucket"),
        ("s3://news/nothing", "no such file, folder or bucket"),
        ("s3://news/**/*.html", "no files there"),
        ("teapot://news", "teapot:// is not a store that can be read"),
        ("gs://news", "gs:// needs gcsfs; install it with `pip install gcsfs`"),
    ],
)
def test_a_url_without_files_is_an_error_in_one_line(bucket: str, url: str, message: str) -> None:
    with pytest.raises(DemarcheError) as refused:
        read(url)
    assert str(refused.value).startswith(f"{url}: {message}")
    assert "\n" not in str(refused.value)


def test_an_object_that_has_gone_since_it_was_listed_is_unreadable(bucket: str) -> None:
    import s3fs

    s3fs.S3FileSystem().pipe("news/gone/a.txt", b"One.")
    s3fs.S3FileSystem().pipe("news/gone/b.txt", b"Two.")
    items = read_articles([f"{bucket}/gone"], ArticleColumns())
    first = next(items)
    s3fs.S3FileSystem().rm("news/gone/b.txt")
    assert isinstance(first, ReadArticle)
    (unreadable,) = items
    assert isinstance(unreadable, Unreadable)
    assert unreadable == ("b.txt", "no such file, folder or bucket; check the URL")


class _Cut(http.server.BaseHTTPRequestHandler):
    """A server that sends half of each file, and the whole of it from the `whole`th request on."""

    whole = 99
    requests = 0

    def do_HEAD(self) -> None:
        self._begin()

    def do_GET(self) -> None:
        type(self).requests += 1
        self._begin()
        raw = b"The pilots met for an hour." * 99
        self.wfile.write(raw if type(self).requests >= self.whole else raw[: len(raw) // 2])

    def _begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(27 * 99))
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.mark.parametrize("whole", [2, 99])
def test_a_cut_connection_is_tried_again_and_then_costs_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: int
) -> None:
    monkeypatch.setattr(remote, "_PAUSE", 0.01)
    monkeypatch.setattr(_Cut, "whole", whole)
    monkeypatch.setattr(_Cut, "requests", 0)
    (tmp_path / "b.txt").write_text("Fine.")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Cut) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        articles, unreadable = read(f"http://127.0.0.1:{server.server_port}/a.txt", tmp_path)
        server.shutdown()
    assert articles["b.txt"] == "Fine."
    if whole == 2:
        assert articles["a.txt"] == "The pilots met for an hour." * 99
    else:
        assert "cannot be reached" in unreadable["a.txt"]
        assert _Cut.requests >= remote.ATTEMPTS


def test_missing_credentials_are_named(monkeypatch: pytest.MonkeyPatch, store: str) -> None:
    import s3fs

    for name in [name for name in os.environ if name.startswith("AWS_") and "ENDPOINT" not in name]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(DemarcheError, match=r"credentials.*AWS_ACCESS_KEY_ID"):
        read("s3://news/archive")
    s3fs.S3FileSystem.clear_instance_cache()
