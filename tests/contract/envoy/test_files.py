"""Files on the port of charge points: bytes go through as they come, however many, and nobody is asked who he is."""

from tests.contract.envoy.facade import Facade


def test_a_file_larger_than_any_request_goes_through(facade: Facade) -> None:
    answer = facade.call("ocpp", "PUT", "/file-links/secret/log.zip", body=bytes(2_000_000), token=None)
    assert answer.status == 200
    assert answer.json["Content-Length"] == "2000000"


def test_what_is_fetched_is_not_compressed(facade: Facade) -> None:
    headers = {"accept-encoding": "gzip, br"}
    answer = facade.call("ocpp", "GET", "/file-links/secret/wall.bin", headers=headers, token=None)
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-length"] == "9000"
    assert answer.body == b"firmware " * 1000


def test_elsewhere_there_are_no_files(facade: Facade) -> None:
    for port in ("gateway", "station"):
        assert facade.call(port, "GET", "/file-links/secret/wall.bin", token="good").status == 404
