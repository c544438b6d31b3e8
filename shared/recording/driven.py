"""Which services a replay drives."""

from collections.abc import Collection, Mapping

from shared.errors import ConfigError
from shared.topology import read_by

DECIDES_BY: Mapping[str, tuple[str, ...]] = {
    "signal_generator": ("learning_engine",),
    "council": ("learning_engine", "position_manager", "trade_executor"),
    "trade_executor": ("position_manager",),
    "position_manager": ("trade_executor",),
    "learning_engine": (),
}
"""Each service that can be driven, and those whose rows it decides by: weights, equity, trades, stops.

A row must be there when a handler asks for it. So its writer is driven too. Each list is complete: those
that come along bring nobody else.
"""

SOURCES: Mapping[str, str] = {
    "market_data": "it learns from the venue; what it published is what a replay is fed with",
    "api_gateway": "it answers questions and decides nothing",
    "alerts": "it tells people and decides nothing",
    "archiver": "it keeps what others publish and decides nothing",
}


def driven(text: str) -> tuple[str, ...]:
    """The services of `--services` with all whose rows they decide by. ConfigError names one that can't be driven."""
    asked = tuple(DECIDES_BY) if text == "all" else tuple(part.strip() for part in text.split(",") if part.strip())
    if not asked:
        raise ConfigError(f"--services: name some of {', '.join(DECIDES_BY)}, or all")
    for name in asked:
        if name not in DECIDES_BY:
            why = SOURCES.get(name, "there is no such service")
            raise ConfigError(f"--services {name}: {why}. Choose of {', '.join(DECIDES_BY)}, or all.")
    wanted = {*asked, *(other for name in asked for other in DECIDES_BY[name])}
    return tuple(name for name in DECIDES_BY if name in wanted)


def require_streams(streams: Collection[str], services: Collection[str], published: Collection[str]) -> None:
    """ConfigError where a driven service reads a stream that was not recorded and that no driven one publishes."""
    needed = {stream.name for service in services for stream in read_by(service)} - set(published)
    if missing := sorted(needed - set(streams)):
        raise ConfigError(
            f"--services: {', '.join(services)} read {', '.join(missing)}, which this recording does not have:"
            " record with --streams all"
        )
