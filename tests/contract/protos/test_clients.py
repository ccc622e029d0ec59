"""What those find who build clients of the contracts: they build as they lie here, and name their packages."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor import FileDescriptor

from stack import protos
from stack.descriptors import Contracts

pytestmark = pytest.mark.field_case("C12")

FOREIGN = protos.PROTO_ROOT / "third_party"
GENERATE = protos.PROTO_ROOT / "generate.sh"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """proto/ as a newcomer has it: sources only, and nothing beside them."""

    def generated(_folder: str, names: list[str]) -> set[str]:
        return {name for name in names if re.search(r"_pb2|\.binpb$|\.json$|\.lock$|^__pycache__$", name)}

    return Path(shutil.copytree(protos.PROTO_ROOT, tmp_path / "proto", ignore=generated))


def test_they_build_and_keep_their_rules_as_they_lie_here(clone: Path) -> None:
    for command in ("build", "lint"):
        done = subprocess.run([protos.tool("buf"), command], cwd=clone, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_they_import_is_there_and_is_what_the_locked_package_has() -> None:
    installed = protos.include_paths()[1]
    copies = sorted(path.relative_to(FOREIGN) for path in FOREIGN.rglob("*.proto"))
    for copy in copies:
        if copy.as_posix() in protos.WITHOUT_PACKAGE:
            continue
        same = (FOREIGN / copy).read_bytes() == (installed / copy).read_bytes()
        assert same, f"cp {installed / copy} {FOREIGN / copy}"
    sources = [path.read_text() for path in protos.PROTO_ROOT.rglob("*.proto")]
    imported = {
        match
        for source in sources
        for match in re.findall(r'^import "((?:google/(?!protobuf/)|buf/)[^"]+)"', source, re.M)
    }
    assert imported <= {copy.as_posix() for copy in copies}


def test_every_file_names_its_packages_in_other_languages(contracts: Contracts) -> None:
    files: list[FileDescriptor] = contracts.files
    assert len(files) > 30
    for file in files:
        options = file.GetOptions()
        _, noun, version = file.package.split(".")
        assert options.go_package == f"csms/{noun}/{version};{noun}{version}", file.name
        assert (options.java_package, options.java_multiple_files) == (file.package, True), file.name


def test_a_python_client_is_generated_by_one_command(tmp_path: Path) -> None:
    done = subprocess.run(["sh", GENERATE, "python", tmp_path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    code = "from csms.station.v1 import station_service_pb2_grpc as client; print(client.StationServiceStub.__module__)"
    used = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert used.stdout.strip() == "csms.station.v1.station_service_pb2_grpc"


@pytest.mark.parametrize("words", [[], ["go"], ["cobol", "somewhere"]])
def test_the_command_says_how_it_is_used(words: list[str], tmp_path: Path) -> None:
    done = subprocess.run(["sh", GENERATE, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "python" in done.stderr
    assert "typescript" in done.stderr
    assert list(tmp_path.iterdir()) == []
