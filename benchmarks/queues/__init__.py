"""Queues of jobs that are measured, each driven by a program of its own."""
