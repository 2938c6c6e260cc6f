#!/usr/bin/env python3
"""count_tests: single tests, counted from what the test programs report.

  count_tests.py meson LOG EXIT RESULTS        LOG: meson-logs/testlog.json; EXIT: meson's status
  count_tests.py junit NAME XML EXIT RESULTS   XML: pytest's report; EXIT: pytest's status
  count_tests.py step NAME EXIT RESULTS        one check that has nothing but a status
  count_tests.py sum RESULTS                   table, then `N passed, N failed, N skipped`

The first three append lines to RESULTS and show the output of what failed. What does not report
properly counts as failed: a program that crashes, times out, stops in the middle or runs nothing.
Exit status: 0; 2 for wrong usage; of `sum`: 1 unless something passed and nothing failed or was
skipped.
"""

import collections
import json
import re
import sys
import xml.etree.ElementTree as ElementTree

RESULT_LINE = re.compile(r"(not )?ok\b(.*)")
PLAN_LINE = re.compile(r"1\.\.(\d+)(\s*#\s*skip\b.*)?", re.IGNORECASE)
DIRECTIVE = re.compile(r"#\s*(skip|todo)\b[^#]*$", re.IGNORECASE)
PASSED_LINE = re.compile(r"^ok\b.*\n", re.MULTILINE)
SHOWN_BYTES = 20000

Count = collections.namedtuple("Count", "passed failed skipped")


def count_tap(text, status):
    """Count of one TAP program's output; `status` is its exit status (negative: a signal)."""
    passed = failed = skipped = 0
    plan = None
    for line in text.splitlines():
        result = RESULT_LINE.match(line)
        plan_line = PLAN_LINE.fullmatch(line.strip())
        if plan_line:
            plan = int(plan_line[1])
            if plan == 0 and plan_line[2]:
                return Count(0, 0, 1) if status == 0 else Count(0, 1, 0)
        elif line.startswith("Bail out!"):
            failed += 1
        elif result and result[1]:
            failed += 1
        elif result and DIRECTIVE.search(result[2]):
            skipped += 1
        elif result:
            passed += 1
    ran = passed + failed + skipped
    if plan is None:
        failed += 1
    elif ran != plan:
        failed += max(1, plan - ran)
    if failed == 0 and (status != 0 or ran == 0):
        failed += 1
    return Count(passed, failed, skipped)


def count_meson_entry(entry):
    """Count of one line of testlog.json."""
    output, result = entry.get("stdout", ""), entry["result"]
    is_tap = output.startswith("TAP version") or PLAN_LINE.fullmatch(output.split("\n", 1)[0])
    if is_tap or "--tap=-" in entry.get("command", []):
        count = count_tap(output, entry["returncode"])
        if result == "TIMEOUT" and count.failed == 0:
            count = count._replace(failed=1)
        return count
    if result in ("OK", "EXPECTEDFAIL"):
        return Count(1, 0, 0)
    return Count(0, 0, 1) if result == "SKIP" else Count(0, 1, 0)


def meson_results(log, status):
    """[(name, Count)] and [(name, output)] of what failed."""
    results, failures = [], []
    try:
        with open(log, encoding="utf-8", errors="replace") as lines:
            entries = [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        return [("meson", Count(0, 1, 0))], [("meson", str(error))]
    for entry in sorted(entries, key=lambda entry: entry["name"]):
        name = entry["name"].replace("seckill:", "")
        count = count_meson_entry(entry)
        results.append((name, count))
        if count.failed:
            output = PASSED_LINE.sub("", entry.get("stdout", "")) + entry.get("stderr", "")
            failures.append((f"{name}: {entry['result']}, status {entry['returncode']}", output))
    if not entries or (status != 0 and not failures):
        results.append(("meson", Count(0, 1, 0)))
        failures.append(("meson", f"status {status}, {len(entries)} tests ran"))
    return results, failures


def junit_results(name, path, status):
    """The same for a JUnit report. pytest shows its failures itself."""
    passed = failed = skipped = 0
    try:
        cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        return [(name, Count(0, 1, 0))], [(name, f"no report: {error}")]
    for case in cases:
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    failures = []
    if not cases or (status != 0 and failed == 0):
        failed += 1
        failures.append((name, f"status {status}, {len(cases)} tests reported"))
    return [(name, Count(passed, failed, skipped))], failures


def append(results, failures, path):
    for name, output in failures:
        print(f"\n--- failed: {name}\n{output[-SHOWN_BYTES:]}", flush=True)
    with open(path, "a", encoding="utf-8") as file:
        for name, count in results:
            file.write("\t".join([name, *map(str, count)]) + "\n")


def sum_up(path):
    """Prints the table and the line. True: something passed, nothing failed or was skipped."""
    rows = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            name, *numbers = line.rstrip("\n").split("\t")
            rows.append((name, Count(*map(int, numbers))))
    print()
    for name, count in rows:
        flag = "" if count.failed == count.skipped == 0 else "   <--"
        print(f"{name:40} {count.passed:6} {count.failed:4} {count.skipped:4}{flag}")
    total = Count(*(sum(column) for column in zip(*(count for _, count in rows)))) if rows \
        else Count(0, 0, 0)
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return total.passed > 0 and total.failed == 0 and total.skipped == 0


def main(words):
    match words:
        case ["meson", log, status, path]:
            append(*meson_results(log, int(status)), path)
        case ["junit", name, report, status, path]:
            append(*junit_results(name, report, int(status)), path)
        case ["step", name, status, path]:
            good = int(status) == 0
            append([(name, Count(int(good), int(not good), 0))], [], path)
        case ["sum", path]:
            return 0 if sum_up(path) else 1
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
