"""Alarms: triggers that the clock fires."""
