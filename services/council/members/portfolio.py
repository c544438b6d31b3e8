"""Can the books bear another trade?"""

from decimal import Decimal

from services.council.case import Case
from services.council.case import Portfolio as Books
from services.council.members.base import Opinion, chance

ROOM = 0.02
DAILY_LOSS_VETO = Decimal("0.8")


class Portfolio:
    """probability = 0.5 + 0.02 * (1 when the books are free, -1 when full or in trouble).

    Trouble is the worst of drawdown against `drawdown_veto` (a fraction of the initial balance), the day's realised
    loss against 80 % of its limit, and open trades against the most allowed. At the first two the member forbids
    buying, and also where the symbol is held already.
    """

    name = "portfolio"

    def __init__(self, max_positions: int, max_daily_loss: Decimal, drawdown_veto: float) -> None:
        self._drawdown_veto = drawdown_veto
        self._max_positions = max_positions
        self._daily_loss = DAILY_LOSS_VETO * max_daily_loss

    async def vote(self, case: Case) -> Opinion:
        books = case.portfolio
        if books.equity is None or books.drawdown is None or books.equity <= 0:
            return Opinion(None, "equity is not known yet")
        lost = float(-books.day_pnl / (self._daily_loss * books.equity)) if self._daily_loss else 0.0
        used = max(0.0, books.drawdown / self._drawdown_veto, lost, books.open_trades / self._max_positions)
        probability = chance(ROOM * (1.0 - 2.0 * min(1.0, used)))
        if why := _trouble(books, lost, self._drawdown_veto):
            return Opinion(probability, why, veto=True)
        return Opinion(probability, f"{books.open_trades} trades open, drawdown {100 * books.drawdown:.2f} %")


def _trouble(books: Books, lost: float, drawdown_veto: float) -> str:
    if books.drawdown is not None and books.drawdown > drawdown_veto:
        return f"drawdown {100 * books.drawdown:.2f} % is above {100 * drawdown_veto:.0f} %"
    if lost >= 1.0:
        return f"the day's realised loss of {-books.day_pnl:.2f} is near its limit"
    if books.held_since is not None:
        return f"held already since {books.held_since:%Y-%m-%d %H:%M} UTC"
    return ""
