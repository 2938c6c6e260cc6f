"""Fixtures of the tools' tests: `bench` runs seckill-bench."""

import base64
import json
import os
import subprocess

import pytest

from support import paths


@pytest.fixture
def secret_file(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(b"0123456789abcdef0123456789abcdef\n")
    return path


@pytest.fixture
def payment_secret():
    """Of provider standard; `bench` knows it."""
    return bytes(range(24))


@pytest.fixture
def bench(tmp_path, secret_file, payment_secret):
    def run(url, *arguments):
        clean = {name: value for name, value in os.environ.items()
                 if not name.startswith("SECKILL_")}
        (tmp_path / "payment").write_bytes(b"whsec_" + base64.b64encode(payment_secret) + b"\n")
        clean["SECKILL_PAYMENT_SECRET_FILE"] = str(tmp_path / "payment")
        files = ["--told", str(tmp_path / "told"), "--json", str(tmp_path / "report")]
        result = subprocess.run(
            [paths.program("seckill-bench"), "--url", url, "--sale", "7", "--secret-file",
             str(secret_file), "--connections", "4", "--quiet", *files, *map(str, arguments)],
            env=clean, capture_output=True, text=True, timeout=280, check=False)
        if (tmp_path / "report").exists():
            result.report = json.loads((tmp_path / "report").read_text())
            result.told = (tmp_path / "told").read_text().splitlines()
        return result
    return run
