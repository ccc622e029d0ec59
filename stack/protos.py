"""Turns proto/ into Python stubs (beside the protos) and a descriptor set, with comments and without.

Run as `python -m stack.protos`. Knows nothing of what the contracts say. Writes only below proto/,
does nothing when neither the contracts nor the tools have changed, and removes stubs of contracts that are gone.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

PROTO_ROOT = Path(__file__).resolve().parents[1] / "proto"
DESCRIPTOR_SET = PROTO_ROOT / "csms.binpb"
# For Envoy: three quarters of the set are comments, and Envoy keeps several copies of what it reads.
UNCOMMENTED_SET = PROTO_ROOT / "csms.uncommented.binpb"

# Copies for those who build the contracts without this program, which takes those of an installed package from there.
_FOREIGN = "third_party"
# Those that no package of ours brings: from the jar build.buf:protovalidate:1.3.0.
WITHOUT_PACKAGE = ("buf/validate/validate.proto",)
_MANIFEST = ".generated.json"
_STUB_PATTERNS = ("*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_pb2_grpc.pyi")
_TOOLS = ("grpcio-tools", "mypy-protobuf", "googleapis-common-protos")
# Envoy renders an error detail only if it knows the type: these are in the set whether a contract imports them or not.
_ALWAYS_IN_SET = ("google/rpc/error_details.proto", "google/rpc/status.proto")


class GenerationError(Exception):
    """The protos could not be compiled; the compiler's own messages are already on stderr."""


def include_paths(root: Path = PROTO_ROOT) -> list[Path]:
    """Where imports of the contracts are found: our own, googleapis, the well-known types, and what has no package."""
    packages = [_package_dir("google.rpc").parents[1], _package_dir("grpc_tools") / "_proto"]
    foreign = root / _FOREIGN
    return [root, *packages, *([foreign] if foreign.is_dir() else [])]


def compile_descriptor_set(root: Path, target: Path, *, strict: bool = False) -> None:
    """Write the descriptor set of the protos below `root`, with all imports and comments, to `target`.

    Raises GenerationError when there is no proto or one does not compile; when `strict`, warnings count too.
    """
    _protoc(
        [
            *_includes(root),
            *(["--fatal_warnings"] if strict else []),
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={target}",
            *_sources(root),
            *_ALWAYS_IN_SET,
        ]
    )


def drop_comments(source: Path, target: Path) -> None:
    """Write the descriptor set `source` without its comments to `target`."""
    # Imported here as the compiler is, see below.
    from google.protobuf import descriptor_pb2

    files = descriptor_pb2.FileDescriptorSet.FromString(source.read_bytes())
    for file in files.file:
        file.ClearField("source_code_info")
    target.write_bytes(files.SerializeToString())


def generate(root: Path = PROTO_ROOT) -> bool:
    """Bring stubs and descriptor sets up to date. Returns whether anything had to be generated.

    Safe to run from several processes at once. On failure the previous stubs stay as they were.
    """
    with _locked(root):
        digest = _digest(root)
        if _is_current(root, digest):
            return False
        with tempfile.TemporaryDirectory(prefix=".generating-", dir=root) as scratch:
            output = Path(scratch)
            _compile_stubs(root, output)
            compile_descriptor_set(root, output / DESCRIPTOR_SET.name)
            drop_comments(output / DESCRIPTOR_SET.name, output / UNCOMMENTED_SET.name)
            files = _install(output, root)
        _remove_stale(root, keep=set(files))
        manifest = {"digest": digest, "files": files}
        (root / _MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        return True


def remove(root: Path = PROTO_ROOT) -> None:
    """Delete everything that `generate` writes."""
    _remove_stale(root, keep=set())
    for name in (DESCRIPTOR_SET.name, UNCOMMENTED_SET.name, _MANIFEST, ".generated.lock"):
        (root / name).unlink(missing_ok=True)


def _compile_stubs(root: Path, output: Path) -> None:
    plugins = [f"--plugin={name}={tool(name)}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")]
    _protoc(
        [
            *_includes(root),
            *plugins,
            f"--python_out={output}",
            f"--grpc_python_out={output}",
            f"--mypy_out=quiet:{output}",
            f"--mypy_grpc_out=quiet,only_async:{output}",
            *_sources(root),
            *(name for name in WITHOUT_PACKAGE if (root / _FOREIGN / name).exists()),
        ]
    )


def _protoc(arguments: Sequence[str]) -> None:
    # Imported here: it loads a large native library, which a run that finds everything current does not need.
    from grpc_tools import protoc

    if protoc.main(["protoc", *arguments]) != 0:
        raise GenerationError("the protos do not compile (see above)")


def _sources(root: Path) -> list[str]:
    found = (path.relative_to(root) for path in root.rglob("*.proto"))
    sources = sorted(path.as_posix() for path in found if path.parts[0] != _FOREIGN)
    if not sources:
        raise GenerationError(f"no .proto file below {root}")
    return sources


def _includes(root: Path) -> list[str]:
    return [f"--proto_path={path}" for path in include_paths(root)]


def _package_dir(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    locations = list(spec.submodule_search_locations or ()) if spec else []
    if not locations:
        raise GenerationError(f"the Python package {name} is not installed; run `make up`")
    return Path(locations[0])


def tool(name: str) -> Path:
    """The executable that a locked package installed beside this interpreter. Raises GenerationError when missing."""
    # Not resolved: the interpreter of a virtual environment is a link, and the plugins lie beside the link.
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise GenerationError(f"{name} is not installed beside {sys.executable}; run `make up`")
    return path


def _digest(root: Path) -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for tool in _TOOLS:
        digest.update(f"{tool}={version(tool)}\n".encode())
    for source in _sources(root):
        digest.update(f"{source}\n".encode())
        digest.update((root / source).read_bytes())
    for name in WITHOUT_PACKAGE:
        foreign = root / _FOREIGN / name
        digest.update(foreign.read_bytes() if foreign.exists() else b"")
    return digest.hexdigest()


def _is_current(root: Path, digest: str) -> bool:
    try:
        manifest = json.loads((root / _MANIFEST).read_text(encoding="utf-8"))
        return manifest["digest"] == digest and all((root / name).is_file() for name in manifest["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _install(output: Path, root: Path) -> list[str]:
    """Move each file to its place below `root`; a reader sees the old one or the new one, never half of it."""
    files = sorted(path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file())
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(output / name, root / name)
    return files


def _remove_stale(root: Path, keep: set[str]) -> None:
    for pattern in _STUB_PATTERNS:
        for path in list(root.rglob(pattern)):
            if path.relative_to(root).as_posix() not in keep:
                path.unlink(missing_ok=True)


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    with (root / ".generated.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Command line: `python -m stack.protos [--remove]`; 0 when the stubs are up to date, 1 with a reason on stderr."""
    try:
        if sys.argv[1:] == ["--remove"]:
            remove()
            return 0
        print("protos: generated" if generate() else "protos: up to date")
    except GenerationError as error:
        print(f"protos: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
