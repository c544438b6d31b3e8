"""What every message carries, whatever its kind."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from shared.ids import canonical


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("time without a zone; send UTC")
    return value.astimezone(UTC)


def _exact(value: object) -> object:
    if isinstance(value, float):
        raise ValueError("float where money or quantity is exact; send a string")
    return value


class _Exactly:
    """Refuses floats: on the wire within pydantic's core, for a call back into Python costs more than the parsing."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        decimal = handler(source)
        text_or_whole = core_schema.union_schema(
            [core_schema.str_schema(strict=True), core_schema.int_schema(strict=True)],
            mode="left_to_right",
            custom_error_type="inexact",
            custom_error_message="no text or whole number (a float is neither) where money is exact; send a string",
        )
        return core_schema.json_or_python_schema(
            json_schema=core_schema.chain_schema([text_or_whole, decimal]),
            python_schema=core_schema.no_info_before_validator_function(_exact, decimal),
            serialization=core_schema.plain_serializer_function_ser_schema(
                canonical, return_schema=core_schema.str_schema(), when_used="json"
            ),
        )


Time = Annotated[datetime, AfterValidator(_utc)]
"""A UTC instant, microsecond resolution. A time without a zone is refused, another zone's is converted."""

Exact = Annotated[Decimal, Field(allow_inf_nan=False), _Exactly()]
"""Money: Decimal in Python, a normalised string on the wire. Bounds stand before the mark, see `Price`."""

Price = Annotated[Decimal, Field(gt=0, allow_inf_nan=False), _Exactly()]
Quantity = Price
NonNegative = Annotated[Decimal, Field(ge=0, allow_inf_nan=False), _Exactly()]
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
