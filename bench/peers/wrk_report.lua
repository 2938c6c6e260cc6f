-- wrk_report: what wrk measured, as one line of JSON behind its own report.
-- Why:    bench/stack.py reads a line, not a report for people.
-- Never:  runs for a request: it costs the measured server and wrk nothing.

done = function(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"errors":%d}\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
        latency:percentile(99) / 1e3,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
