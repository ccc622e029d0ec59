"""An older build borrows the packages of this checkout when it needs no other ones."""

from stack.builds import locked_packages

_LOCK = """\
alembic==1.20.1 \\
    --hash=sha256:83490def \\
    --hash=sha256:9970712c
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:08695f5c
"""


def test_the_packages_of_a_lock_are_told_by_version_and_platform() -> None:
    assert locked_packages(_LOCK) == {"alembic==1.20.1", "colorama==0.4.6 ; sys_platform == 'win32'"}


def test_a_lock_with_more_packages_has_all_of_one_with_less_and_another_version_is_another_package() -> None:
    assert locked_packages(_LOCK) < locked_packages(f"{_LOCK}uv==0.9.0\n")
    assert not locked_packages(_LOCK) <= locked_packages(_LOCK.replace("1.20.1", "1.20.2"))
