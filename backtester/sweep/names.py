"""The choices of a search by name; light, because every command line reads them."""

from typing import Literal

ObjectiveName = Literal[
    "sharpe", "sortino", "calmar", "total_return", "cagr", "profit_factor", "expectancy_share", "sqn", "deflated"
]
SamplerName = Literal["tpe", "random", "grid"]
Backend = Literal["loky", "threading", "dask", "ray"]
