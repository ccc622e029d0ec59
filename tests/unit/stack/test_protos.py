import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from stack import protos
from tests.fixtures.contracts import write_sample

SAMPLE = """
// Says things.
service SampleService { rpc Say(SayRequest) returns (SayResponse); }
message SayRequest {}
message SayResponse { string text = 1; }
"""


def _generated(root: Path) -> set[str]:
    return {path.name for path in root.rglob("sample_pb2*")}


def test_generation_writes_stubs_for_run_time_and_for_the_type_checker(tmp_path: Path) -> None:
    root = write_sample(tmp_path, SAMPLE)
    assert protos.generate(root)
    assert _generated(root) == {"sample_pb2.py", "sample_pb2.pyi", "sample_pb2_grpc.py", "sample_pb2_grpc.pyi"}
    code = "from csms.sample.v1 import sample_pb2; print(sample_pb2.SayResponse(text='hello').text)"
    # Isolated from this interpreter: its pool of descriptors knows the shared contracts already.
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout == "hello\n"


def test_the_descriptor_set_has_imports_comments_and_error_details(tmp_path: Path) -> None:
    root = write_sample(tmp_path, SAMPLE)
    protos.generate(root)
    files = {
        file.name: file for file in descriptor_pb2.FileDescriptorSet.FromString((root / "csms.binpb").read_bytes()).file
    }
    assert {"google/api/http.proto", "google/rpc/error_details.proto"} <= files.keys()
    locations = files["csms/sample/v1/sample.proto"].source_code_info.location
    assert " Says things.\n" in {location.leading_comments for location in locations}


def test_the_set_without_comments_has_all_else_options_included(tmp_path: Path) -> None:
    root = write_sample(tmp_path, SAMPLE)
    protos.generate(root)
    commented, bare = (
        descriptor_pb2.FileDescriptorSet.FromString((root / name).read_bytes())
        for name in ("csms.binpb", "csms.uncommented.binpb")
    )
    assert not any(file.HasField("source_code_info") for file in bare.file)
    for file in commented.file:
        file.ClearField("source_code_info")
    assert bare == commented


def test_a_second_generation_has_nothing_to_do(tmp_path: Path) -> None:
    root = write_sample(tmp_path, SAMPLE)
    protos.generate(root)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*_pb2*")}
    assert not protos.generate(root)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*_pb2*")} == before


def test_a_lost_stub_is_generated_again(tmp_path: Path) -> None:
    root = write_sample(tmp_path, SAMPLE)
    protos.generate(root)
    (root / "csms/sample/v1/sample_pb2.pyi").unlink()
    assert protos.generate(root)
    assert (root / "csms/sample/v1/sample_pb2.pyi").is_file()


def test_stubs_of_a_proto_that_is_gone_are_removed(tmp_path: Path) -> None:
    root = write_sample(tmp_path, SAMPLE)
    protos.generate(root)
    (root / "csms/sample/v1/sample.proto").unlink()
    assert protos.generate(root)
    assert _generated(root) == set()


def test_a_proto_that_does_not_compile_leaves_the_old_stubs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = write_sample(tmp_path, SAMPLE)
    protos.generate(root)
    write_sample(tmp_path, "message Broken { Missing field = 1; }")
    with pytest.raises(protos.GenerationError, match="do not compile"):
        protos.generate(root)
    assert "sample.proto" in capfd.readouterr().err
    assert len(_generated(root)) == 4
    assert list(root.glob(".generating-*")) == []


def test_a_folder_without_protos_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(protos.GenerationError, match=r"no \.proto file below"):
        protos.generate(tmp_path)


def test_removal_leaves_nothing_but_the_protos(tmp_path: Path) -> None:
    root = write_sample(tmp_path, SAMPLE)
    protos.generate(root)
    protos.remove(root)
    assert {path.suffix for path in root.rglob("*") if path.is_file()} == {".proto"}
