"""Learns from closed trades: moves the weights of strategies and council members inside guardrails."""
