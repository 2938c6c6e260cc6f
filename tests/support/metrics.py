"""metrics: /metrics (Prometheus text format 0.0.4), parsed strictly."""

import collections
import re

NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
LABEL = re.compile(rf'({NAME})="((?:[^"\\\n]|\\["\\n])*)"(,|$)')


class Metrics:
    """Samples by name and labels; types and helps by family."""

    def __init__(self, text):
        self.types, self.helps = {}, {}
        self.samples = collections.OrderedDict()
        assert text.endswith("\n"), "the last line has no end"
        for line in text[:-1].split("\n"):
            self._read_line(line)

    def _read_line(self, line):
        if line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            assert name not in self.types, f"two TYPE lines for {name}"
            self.types[name] = kind
        elif line.startswith("# HELP "):
            name, _, text = line[7:].partition(" ")
            assert name not in self.helps, f"two HELP lines for {name}"
            self.helps[name] = text
        elif line and not line.startswith("#"):
            sample = SAMPLE.fullmatch(line)
            assert sample, f"no sample: {line!r}"
            key = (sample[1], self._read_labels(sample[2] or ""))
            assert key not in self.samples, f"twice: {line!r}"
            self.samples[key] = float(sample[3])

    @staticmethod
    def _read_labels(text):
        labels, at = [], 0
        while at < len(text):
            label = LABEL.match(text, at)
            assert label, f"no label: {text!r} at {at}"
            labels.append((label[1], label[2]))
            at = label.end()
        assert len(dict(labels)) == len(labels), f"a label twice: {text!r}"
        return frozenset(labels)

    def get(self, name, **labels):
        """The value of exactly this sample; KeyError when absent."""
        return self.samples[(name, frozenset(labels.items()))]

    def total(self, name, **labels):
        """The sum of all samples of that name which have these labels."""
        wanted = frozenset(labels.items())
        return sum(value for (sample, have), value in self.samples.items()
                   if sample == name and wanted <= have)

    def check_histograms(self):
        """Asserts for each histogram: cumulative, +Inf = count, sum there. Returns their number."""
        series = collections.defaultdict(list)
        for (name, labels), value in self.samples.items():
            family = name.removesuffix("_bucket")
            if family != name and self.types.get(family) == "histogram":
                bound = float(dict(labels)["le"])
                rest = frozenset(pair for pair in labels if pair[0] != "le")
                series[(family, rest)].append((bound, value))
        for (family, rest), buckets in series.items():
            bounds = [bound for bound, _ in buckets]
            values = [value for _, value in buckets]
            assert bounds == sorted(set(bounds)), f"{family}: bounds {bounds}"
            assert values == sorted(values), f"{family} is not cumulative: {values}"
            assert bounds[-1] == float("inf"), f"{family} has no +Inf"
            assert values[-1] == self.samples[(family + "_count", rest)], f"{family}: count"
            assert (family + "_sum", rest) in self.samples, f"{family} has no sum"
        declared = {name for name, kind in self.types.items() if kind == "histogram"}
        assert declared == {family for family, _ in series}, "a histogram without buckets"
        return len(series)


def scrape(daemon):
    """The metrics of an engine or worker, now."""
    response = daemon.ops_get("/metrics")
    assert response.status == 200, response
    assert response.header("content-type").startswith("text/plain; version=0.0.4"), response.fields
    return Metrics(response.body.decode())
