"""Brings alerts to people: Telegram, Discord, e-mail, webhooks and whatever else apprise knows."""
