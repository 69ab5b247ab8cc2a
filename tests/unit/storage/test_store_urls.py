from __future__ import annotations

import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from storage import CheckpointError, store_url

SECRET = "p@ss:w/rd"


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("/a/b", "/a/b"),
        ("/a/b/", "/a/b"),
        ("a/b", f"{Path.cwd()}/a/b"),
        ("/a b/c#d?e%20f", "/a b/c#d?e%20f"),
        ("a:b/c", f"{Path.cwd()}/a:b/c"),
        ("file:///a/b", "/a/b"),
        ("file:///a%20b/%C3%BC", "/a b/ü"),
        ("file:///a#b?c", "/a#b?c"),
        ("file://localhost/a", "/a"),
        ("file:/a", "/a"),
        ("local:///a", "/a"),
        ("memory://a/b", "memory://a/b"),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/a//b/", "s3://bucket/a/b"),
        ("S3://Bucket/A b#c", "s3://Bucket/A b#c"),
    ],
)
def test_a_store_is_a_path_or_a_url_that_fsspec_knows(written: str, used: str) -> None:
    assert store_url(written) == used
    assert store_url(used) == used


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "checkpoints '' names no folder; give a folder, or s3://bucket/folder"),
        ("a\0b", "names no folder"),
        ("gopher://host/x", "checkpoints 'gopher://host/x': gopher is not supported; give a folder, or s3://"),
        ("file://checkpoints/x", "is on a host; give a folder, or write file:///folder"),
        ("file://", "names no folder; write file:///folder"),
        ("s3:", "after s3: comes //"),
        ("s3:bucket/x", "after s3: comes //"),
        ("s3://", "names no folder"),
        ("s3:///x", "names no folder"),
        ("s3://bucket/../x", "the folders . and .. cannot be used"),
        ("s3://bucket/x?versionId=1", "? and the folders"),
        ("simplecache::s3://bucket/x", "after simplecache: comes //"),
        ("zip://x::s3://bucket/x", "::, ? and the folders . and .. cannot be used"),
        (
            "s3://key:word@bucket/x",
            "checkpoints at s3: keys and passwords do not belong into a URL, which is stored with the study; set AWS_A",
        ),
        ("s3://key:wo/rd@bucket/x", "checkpoints at s3: keys and passwords do not belong into a URL"),
        ("s3://token@bucket/x", "checkpoints at s3: keys and passwords do not belong into a URL"),
        ("sftp://user:wo/rd@host/x", "checkpoints at sftp: keys and passwords do not belong into a URL"),
        ("sftp://user:word@host/x", "checkpoints at sftp: keys and passwords do not belong into a URL"),
    ],
)
def test_what_names_no_store_is_refused(written: str, reason: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        store_url(written)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "written",
    [
        f"s3://key:{SECRET}@bucket/x",
        f"file://user:{SECRET}@host/x",
        f"gopher://user:{SECRET}@host/x",
        f"s3://bucket/x?secret={SECRET}",
        f"sftp://user:{SECRET}@host/x",
    ],
)
def test_a_password_is_never_repeated(written: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        store_url(written)
    assert SECRET not in "".join(traceback.format_exception(caught.value, limit=0))


MISSING = """
import sys
sys.modules["s3fs"] = None  # as where it is not installed
sys.modules["gcsfs"] = None
from storage import CheckpointError, store_url
try:
    store_url(sys.argv[1])
except CheckpointError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("s3://bucket/x", "checkpoints 's3://bucket/x': the package for s3 is missing; pip install 'shichimi[s3]'\n"),
        ("gs://bucket/x", "checkpoints 'gs://bucket/x': the package for gs is missing; Please install gcsfs"),
    ],
)
def test_a_missing_package_is_named(written: str, said: str) -> None:
    program = [sys.executable, "-c", MISSING, written]
    assert subprocess.run(program, capture_output=True, text=True, check=True).stdout.startswith(said)


def test_a_folder_needs_no_fsspec() -> None:
    program = "import sys; from storage import store_url; store_url('a/b'); sys.exit('fsspec' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
