"""The bus: ordered per key, exactly once on one Redis, nothing lost (docs: the eleven points of the design)."""

from shared.redis_streams.bus import Bus
from shared.redis_streams.consumer import Consumer
from shared.redis_streams.lane import ConsumerOptions
from shared.redis_streams.quiet import Quiet, is_quiet
from shared.redis_streams.source import Source
from shared.redis_streams.transaction import Transaction

__all__ = ["Bus", "Consumer", "ConsumerOptions", "Quiet", "Source", "Transaction", "is_quiet"]
