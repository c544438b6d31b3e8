"""The database side: open trades with their stops, and the account's standing."""

from services.position_manager.adapters.accounts import Accounts
from services.position_manager.adapters.open_trades import OpenTrades

__all__ = ["Accounts", "OpenTrades"]
