"""RUN/report.html: a run, or several, as one page that opens from disk."""
