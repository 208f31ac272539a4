"""The object store as the vault's tests want it: a folder, or an S3-compatible one (moto, in a process of its own)."""

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import obstore
import pytest

from safehold.evidence import bodies

S3_ENV = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """A stand-in for S3 on loopback, for the whole run."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **S3_ENV},
    )  # fmt: skip
    try:
        for _ in range(300):
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert server.poll() is None, "moto did not start"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


class Objects:
    """The store past the vault: what somebody could do to it."""

    def names(self) -> list[str]:
        return sorted(meta["path"] for batch in obstore.list(bodies.store()) for meta in batch)

    def read(self, name: str) -> bytes:
        return bytes(obstore.get(bodies.store(), name).bytes())

    def write(self, name: str, data: bytes) -> None:
        obstore.put(bodies.store(), name, data, mode="overwrite", use_multipart=False)

    def delete(self, name: str) -> None:
        obstore.delete(bodies.store(), name)


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.network)])
def objects(
    request: pytest.FixtureRequest, settings: Any, data: Path, monkeypatch: pytest.MonkeyPatch
) -> Objects:  # fmt: skip
    """Both stores, each empty."""
    if request.param == "s3":
        address = request.getfixturevalue("s3_server")
        for name, value in {**S3_ENV, "AWS_ENDPOINT_URL": address}.items():
            monkeypatch.setenv(name, value)
        bucket = f"evidence-{uuid.uuid4().hex}"
        _make_bucket(address, bucket)
        settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, object_store=f"s3://{bucket}/vault")
    return Objects()


def _make_bucket(address: str, name: str) -> None:
    import boto3

    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    boto3.client("s3", endpoint_url=address, region_name="us-east-1", **keys).create_bucket(Bucket=name)
