"""For all Python suites: a failing test shows the end of the logs of the processes it ran."""

import pytest

from support import processes


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for name, tail in processes.tails():
            report.sections.append((f"log of {name}", tail))
    return report
