import urllib.request
from pathlib import Path

import pytest

from stack import envoy
from stack.errors import StackError
from stack.ports import free_port

TEMPLATE = """
admin: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {admin}}}}}}}
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: test
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{{match: {{prefix: /}}, direct_response: {{status: 200, body: {{inline_string: hi}}}}}}]
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
"""


def write(folder: Path) -> tuple[Path, int, int]:
    admin, port = free_port(), free_port()
    file = folder / "envoy.yaml"
    file.write_text(TEMPLATE.format(admin=admin, port=port))
    return file, admin, port


def test_it_serves_once_it_is_said_to_be_ready(tmp_path: Path) -> None:
    file, admin, port = write(tmp_path)
    child = envoy.start(file, admin_port=admin, log=tmp_path / "envoy.log")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            assert answer.read() == b"hi"
    finally:
        assert child.stop() == 0


def test_two_of_them_run_side_by_side(tmp_path: Path) -> None:
    children = []
    try:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            file, admin, _ = write(tmp_path / name)
            children.append(envoy.start(file, admin_port=admin, log=tmp_path / name / "log"))
        assert [child.exit_code() for child in children] == [None, None]
    finally:
        for child in children:
            child.stop()


def test_a_stranger_on_the_admin_port_is_not_taken_for_it(tmp_path: Path) -> None:
    children = []
    try:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        file, admin, _ = write(tmp_path / "one")
        children.append(envoy.start(file, admin_port=admin, log=tmp_path / "one" / "log"))
        second = tmp_path / "two" / "envoy.yaml"
        second.write_text(TEMPLATE.format(admin=admin, port=free_port()))
        with pytest.raises(StackError, match=r"envoy ended with exit code 1; last log line: .*in use"):
            children.append(envoy.start(second, admin_port=admin, log=tmp_path / "two" / "log"))
    finally:
        for child in children:
            child.stop()


def test_a_good_configuration_is_accepted(tmp_path: Path) -> None:
    envoy.validate(write(tmp_path)[0])


@pytest.mark.parametrize(
    ("text", "words"), [("static_resources: {nonsense: 1}", "nonsense"), ("{", "YAML|yaml|JSON|json")]
)
def test_a_bad_configuration_is_refused_in_envoys_own_words(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "envoy.yaml"
    file.write_text(text)
    with pytest.raises(StackError, match=words) as caught:
        envoy.validate(file)
    assert "\n" not in str(caught.value)


def test_a_start_on_a_bad_configuration_fails_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "envoy.yaml"
    file.write_text("static_resources: {nonsense: 1}")
    with pytest.raises(StackError, match=r"envoy ended with exit code 1; last log line: .*nonsense") as caught:
        envoy.start(file, admin_port=free_port(), log=tmp_path / "envoy.log")
    assert "\n" not in str(caught.value)
