"""Counts the changes that alter pixels; part of the fingerprint of everything rendered."""

VERSION = 1
