"""What every message carries, whatever its kind."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from shared.ids import canonical


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("time without a zone; send UTC")
    return value.astimezone(UTC)


def _exact(value: object) -> object:
    if isinstance(value, float):
        raise ValueError("float where money or quantity is exact; send a string")
    return value


Time = Annotated[datetime, AfterValidator(_utc)]
"""A UTC instant, microsecond resolution."""

Exact = Annotated[
    Decimal,
    BeforeValidator(_exact),
    Field(allow_inf_nan=False),
    PlainSerializer(canonical, return_type=str, when_used="json"),
]
"""Money, price or quantity: Decimal in Python, a normalised string on the wire."""

Price = Annotated[Exact, Field(gt=0)]
Quantity = Annotated[Exact, Field(gt=0)]
Score = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9.]{1,15}/[A-Z0-9]{2,10}$")]
Timeframe = Literal["1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w"]


class Value(BaseModel):
    """A frozen part of a message."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(Value):
    """A typed fact or command on a stream.

    `message_id` is derived from what caused it (`shared.ids`), `causation_id` is the message that did,
    `occurred_at` the time the message speaks of, by the venue's clock. `kind` tells the types of one
    stream apart, `schema_version` is raised with every incompatible change of a type.
    """

    SCHEMA_VERSION: ClassVar[int] = 1

    kind: str
    schema_version: int = 1
    message_id: UUID
    causation_id: UUID | None = None
    occurred_at: Time

    @property
    def key(self) -> str:
        """What the message is ordered by; decides its partition."""
        raise NotImplementedError
