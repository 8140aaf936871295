"""Dates and times in English as everywhere else here: in figures, 24 hours."""

DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "Y-m-d H:i"
