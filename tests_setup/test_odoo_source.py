"""Where Odoo comes from on machines that cannot have Debian's package (bin/_odoo.sh).

Without network: the repository is made here.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPT = """
set -euo pipefail
source bin/_lib.sh
source bin/_odoo.sh
find_odoo /bin/false  # a Python without Odoo
echo "$ODOO_PATH"
"""
GIT = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=19.0"]


@pytest.fixture
def repository(tmp_path):
    """A repository of the layout of Odoo's, with two commits on 19.0."""
    folder = tmp_path / "repository"
    release = folder / "odoo" / "release.py"
    release.parent.mkdir(parents=True)
    subprocess.run([*GIT, "init", "--quiet", folder], check=True)
    for text in ("version_info = (19, 0, 0, ALPHA, 0, '')\n", "version_info = (19, 0, 0, FINAL, 0, '')\n"):
        release.write_text(text)
        subprocess.run([*GIT, "-C", folder, "add", "."], check=True)
        subprocess.run([*GIT, "-C", folder, "commit", "--quiet", "--message=State"], check=True)
    return folder


@pytest.fixture
def programs(tmp_path):
    """A folder with the machine's programs, but for apt."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for path in os.environ["PATH"].split(":"):
        for program in Path(path).iterdir() if Path(path).is_dir() else ():
            if not program.name.startswith("apt") and not (folder / program.name).exists():
                (folder / program.name).symlink_to(program)
    return folder


def find_odoo(tmp_path, programs, address):
    """What bin/bootstrap does for Odoo's source with an empty cache; return the process."""
    env = {key: value for key, value in os.environ.items() if key not in ("ODOO_DIR", "PYTHONPATH")}
    env |= {
        "PATH": str(programs),
        "CUSTOMER_TIERING_HOME": str(tmp_path / "cache"),
        "ODOO_GIT": str(address),
        "GIT_ALLOW_PROTOCOL": "file",  # whatever goes wrong, nothing is fetched from elsewhere
    }
    return subprocess.run(["bash", "-c", SCRIPT], cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_without_apt_odoo_comes_by_git_and_only_once(tmp_path, programs, repository):
    done = find_odoo(tmp_path, programs, f"file://{repository}")
    assert done.returncode == 0, done.stderr
    assert f"Fetching Odoo 19.0 with git from file://{repository}" in done.stderr
    odoo = Path(done.stdout.strip()) / "odoo"
    assert odoo.resolve() == tmp_path / "cache" / "odoo" / "19.0" / "odoo"
    assert "FINAL" in (odoo / "release.py").read_text()
    log = subprocess.run([*GIT, "-C", odoo.resolve(), "log", "--oneline"], check=True, capture_output=True, text=True)
    assert len(log.stdout.splitlines()) == 1  # shallow
    shutil.rmtree(repository)
    again = find_odoo(tmp_path, programs, f"file://{repository}")
    assert (again.returncode, again.stdout, again.stderr) == (0, done.stdout, "")


@pytest.mark.parametrize("command", ["update", "download"])
def test_where_the_package_has_gone_odoo_comes_by_git(tmp_path, programs, repository, command):
    # An apt-get that knows a mirror, and fails as the true one does; the keyring is Debian's.
    apt = programs / "apt-get"
    apt.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        "indextargets*) echo 'Debian|https://mirror.invalid/debian' ;;\n"
        f"*' {command}'*) echo 'E: Unable to locate package odoo-19' >&2; exit 100 ;;\n"
        "esac\n"
    )
    apt.chmod(0o755)
    done = find_odoo(tmp_path, programs, f"file://{repository}")
    assert done.returncode == 0, done.stderr
    if Path("/usr/share/keyrings/debian-archive-keyring.gpg").exists() and shutil.which("dpkg-deb"):
        assert "E: Unable to locate package odoo-19" in done.stderr
        assert "https://mirror.invalid/debian (see above)" in done.stderr
    assert f"Fetching Odoo 19.0 with git from file://{repository}" in done.stderr
    assert Path(done.stdout.strip(), "odoo").resolve() == tmp_path / "cache" / "odoo" / "19.0" / "odoo"


def test_an_interrupted_fetch_is_made_again(tmp_path, programs, repository):
    left = tmp_path / "cache" / "odoo" / ".fetch" / "git" / "odoo"
    left.mkdir(parents=True)
    (left / "release.py").write_text("half")
    done = find_odoo(tmp_path, programs, f"file://{repository}")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "cache" / "odoo" / ".fetch").exists()


def test_a_repository_that_does_not_answer_is_told(tmp_path, programs):
    done = find_odoo(tmp_path, programs, f"file://{tmp_path}/nowhere")
    assert done.returncode == 1
    assert f"error: git could not fetch the branch 19.0 of file://{tmp_path}/nowhere (see above)." in done.stderr
    assert "ODOO_GIT" in done.stderr
    assert "ODOO_DIR" in done.stderr
    assert not (tmp_path / "cache" / "odoo" / "19.0").exists()


def test_a_repository_of_something_else_is_refused(tmp_path, programs, repository):
    (repository / "odoo" / "release.py").write_text("version_info = (18, 0, 0, FINAL, 0, '')\n")
    subprocess.run([*GIT, "-C", repository, "commit", "--quiet", "--all", "--message=Older"], check=True)
    done = find_odoo(tmp_path, programs, f"file://{repository}")
    assert done.returncode == 1
    assert "is no Odoo 19.0" in done.stderr
    assert not (tmp_path / "cache" / "odoo" / "19.0").exists()


def test_without_git_either_it_is_told_what_to_install(tmp_path, programs):
    (programs / "git").unlink()
    done = find_odoo(tmp_path, programs, "file:///nowhere")
    assert done.returncode == 1
    assert "this machine has no git" in done.stderr
    assert "ODOO_DIR" in done.stderr
