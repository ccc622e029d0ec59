"""Whose work PostgreSQL does is read from the names of its processes."""

import os

import pytest

from bench.cpu import CpuMeter, name_of_backend


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("postgres: csms csms_charge_points 127.0.0.1(50630) idle", "postgres charge_points"),
        ("postgres: csms csms_naive 127.0.0.1(50630) INSERT", "postgres naive"),
        ("postgres: csms postgres 127.0.0.1(50630) idle", "postgres"),
        ("postgres: autovacuum worker csms_billing", "postgres"),
        ("postgres: checkpointer ", "postgres"),
        ("", "postgres"),
    ],
)
def test_a_backend_belongs_to_its_database(title: str, name: str) -> None:
    assert name_of_backend(title) == name


def test_processes_come_and_go_and_are_read_by_name() -> None:
    meter = CpuMeter({"edge": os.getpid()})
    first = meter.read()["edge"]
    assert first > 0
    meter.watch({"naive edge": os.getpid()})
    assert set(meter.read()) == {"edge", "naive edge"}
    assert meter.read()["edge"] >= first
