"""Documents that come from the programs are those that the programs print now."""

import re
import subprocess

import pytest

from support import paths


def output(program, *arguments):
    return subprocess.run([paths.program(program), *arguments], capture_output=True, text=True,
                          check=True, timeout=30).stdout


@pytest.mark.parametrize("argument, name", [("--print-config", "CONFIGURATION.md"),
                                            ("--print-metrics", "METRICS.md")])
def test_a_generated_document_is_up_to_date(argument, name):
    text = output("seckilld", argument)
    assert len(text) > 1000
    assert (paths.ROOT / "docs" / name).read_text(encoding="utf-8") == text, (
        f"write it anew: build/engine/bin/seckilld {argument} > docs/{name}")
    assert output("seckill-worker", argument) == text


DOCUMENTS = sorted([*paths.ROOT.glob("*.md"), *paths.ROOT.glob("docs/*.md"),
                    *paths.ROOT.glob("bench/*.md"), *paths.ROOT.glob("schemas/*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_names_is_there(document):
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (document.parent / target).exists(), f"a link to {target}"
    metrics = set(re.findall(r"`(seckill_[a-z_]+)`",
                             (paths.ROOT / "docs" / "METRICS.md").read_text(encoding="utf-8")))
    for name in re.findall(r"`(seckill_[a-z_]+)[`{]", text):
        assert name in metrics, f"the metric {name}"
    for name in re.findall(r"`((?:engine|tools|bench|tests|schemas|lua|docs)/[\w./-]+)`", text):
        assert (paths.ROOT / name).exists(), f"the file {name}"
