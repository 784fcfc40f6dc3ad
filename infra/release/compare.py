"""Lists what `sam build` made; each binary must be the one in its function's zip.

Usage: compare.py TEMPLATE SAM_BUILD_DIR ZIPS_DIR
"""

import hashlib
import re
import sys
import zipfile
from pathlib import Path


def binaries(template):
    """The logical id of each function, by the name of its binary."""
    logical = None
    for line in Path(template).read_text(encoding="utf-8").splitlines():
        if begin := re.match(r"  (\w+):\s*$", line):
            logical = begin.group(1)
        elif binary := re.match(r"\s+Binary: (\S+)", line):
            yield binary.group(1), logical


def main(template, built, zips):
    pairs = sorted(binaries(template))
    if {name for name, _ in pairs} != {place.stem for place in Path(zips).glob("*.zip")}:
        sys.exit(f"{template} builds {[name for name, _ in pairs]}, in {zips} are others")
    print(f"{'function':<16} {'binary MB':>9}  sha256")
    for name, logical in pairs:
        by_sam = Path(built, logical, "bootstrap").read_bytes()
        with zipfile.ZipFile(Path(zips, f"{name}.zip")) as archive:
            if archive.getinfo("bootstrap").external_attr >> 16 & 0o111 == 0:
                sys.exit(f"{name}.zip: bootstrap cannot be executed")
            if archive.read("bootstrap") != by_sam:
                sys.exit(f"{name}: sam build made another binary than the one in {name}.zip")
        print(f"{name:<16} {len(by_sam) / 1e6:>9.1f}  {hashlib.sha256(by_sam).hexdigest()}")
    print(f"{len(pairs)} functions: sam build and the zips have the same binaries")


if __name__ == "__main__":
    main(*sys.argv[1:])
