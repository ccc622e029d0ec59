"""Rows that are made up fit the tables, also when these have grown a column."""

import pytest

from bench.filling import FRAMES_PER_SESSION, READINGS_PER_SESSION, ROWS_PER_SESSION, TABLES, expressions


def test_a_session_has_its_rows() -> None:
    assert ROWS_PER_SESSION == 1 + 2 + READINGS_PER_SESSION + FRAMES_PER_SESSION


@pytest.mark.parametrize("table", TABLES)
def test_a_column_that_has_gone_is_left_out_and_a_new_one_gets_a_plain_value(table: str) -> None:
    values = expressions(table, {"charge_point_id", "novel"}, {"charge_point_id": "text", "novel": "text"})
    assert values == {"charge_point_id": "s.charger", "novel": "''"}


def test_plain_values_follow_the_type() -> None:
    required = {"a": "bigint", "b": "boolean", "c": "uuid", "d": "ARRAY"}
    values = expressions("transactions", set(required), required)
    assert values == {"a": "0", "b": "false", "c": "gen_random_uuid()", "d": "'{}'"}
