"""Reads recorded runs: tables, figures, replays and the report. No run ever needs it."""
