"""Rules over several rows: functions of a session, rows and now, which never commit."""
