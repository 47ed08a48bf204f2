"""The cases, one file for each section or half of one."""
