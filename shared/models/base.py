"""The declarative base and the column types that every table shares."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from sqlalchemy import DateTime, MetaData, Numeric, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Money = Annotated[Decimal, mapped_column(Numeric())]
"""Exact: price, quantity or money, unconstrained NUMERIC."""
Json = Annotated[Any, mapped_column(JSONB())]
Name = Annotated[str, mapped_column(Text())]


class Base(DeclarativeBase):
    """Every table of the desk."""

    metadata = MetaData(naming_convention=NAMING)
