"""The executor's plain records and the tables that they are kept in."""

import pytest

from services.trade_executor.adapters.rows import COLUMNS, TABLES


@pytest.mark.parametrize("record", TABLES, ids=lambda record: record.__name__)
def test_a_record_has_every_column_of_its_table_and_nothing_else(record: type) -> None:
    assert set(COLUMNS[record]) == set(TABLES[record].columns.keys())
