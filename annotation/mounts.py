"""Tells whether a path lies on a network or FUSE file system, where SQLite's WAL loses data.

Known losses: trackio PR#501 (bucket mounts), trackio#555 (WekaFS, Lustre, NFS), vaara PR#573 (virtiofs, 9p).
Reads /proc/mounts; a system without it counts as local, and `database` then still reads the journal mode
back.
"""

import re
from pathlib import Path

PROC_MOUNTS = Path("/proc/mounts")
_NETWORK = frozenset(
    [
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "davfs",
        "drvfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lizardfs",
        "lustre",
        "moosefs",
        "ncpfs",
        "nfs",
        "nfs3",
        "nfs4",
        "ocfs2",
        "orangefs",
        "pvfs2",
        "prl_fs",
        "smb2",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
        "vmhgfs",
        "wekafs",
    ]
)
_ESCAPE = re.compile(r"\\([0-7]{3})")


def filesystem_type(path: Path, mounts_file: Path = PROC_MOUNTS) -> str | None:
    """Type of the file system that holds `path` (which need not exist yet); None if it cannot be told.

    The longest mount point wins; of equal ones the later, which hides the earlier.
    """
    try:
        lines = mounts_file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    target = path.resolve()
    best: tuple[int, str] | None = None
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(_ESCAPE.sub(lambda found: chr(int(found[1], 8)), fields[1]))
        if target.is_relative_to(point) and (best is None or len(point.parts) >= best[0]):
            best = (len(point.parts), fields[2])
    return best[1] if best else None


def is_network(fstype: str | None) -> bool:
    """True for file systems on which locks or shared memory cannot be trusted;

    None (unknown) is taken as local.
    """
    return fstype is not None and (fstype.startswith("fuse") or fstype in _NETWORK)
