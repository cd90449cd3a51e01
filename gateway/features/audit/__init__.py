"""Owns reading, exporting and verifying the audit record, its signed checkpoints and its partitions.

Does not own writing it: every unit of work does that, through gateway.core.audit.
"""
