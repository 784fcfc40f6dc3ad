"""Packs built functions into zips and looks at what is packed.

Usage: pack.py x86_64|arm64 BUILT_DIR OUT_DIR NAME...   (BUILT_DIR holds NAME/bootstrap)
"""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

# `provided.al2023` has glibc 2.34 and these libraries of it.
NEWEST_GLIBC = (2, 34)
LIBRARIES = re.compile(r"(lib(c|m|dl|rt|pthread)\.so\.\d|ld-linux-(x86-64|aarch64)\.so\.\d)")
MACHINES = {"x86_64": "X86-64", "arm64": "AArch64"}
# Lambda takes 250 MB unpacked; far below that something is wrong already.
LARGEST_MB = 60
# A sentence of the standard library that is linked only where panics unwind. One that aborted would take the other messages
# of a batch along.
UNWINDS = b"Rust panics must be rethrown"
# The oldest time that a zip can tell: the same bytes whenever it is packed.
NO_TIME = (1980, 1, 1, 0, 0, 0)


def readelf(flag, program):
    return subprocess.run(["readelf", "-W", flag, program], check=True, capture_output=True, text=True).stdout


def version(text):
    return tuple(int(part) for part in text.split("."))


def faults(arch, program):
    """One sentence for each reason why the program would not run in Lambda."""
    machine = re.search(r"Machine:\s*(.*)", readelf("-h", program)).group(1)
    if MACHINES[arch] not in machine:
        yield f"is built for {machine}, not for {arch}"
    for library in re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("-d", program)):
        if not LIBRARIES.fullmatch(library):
            yield f"needs {library}, which provided.al2023 need not have"
    needed = set(re.findall(r"GLIBC_([0-9.]+)", readelf("-V", program)))
    if not needed:
        yield "names no version of glibc: readelf was not understood"
    for one in sorted(needed, key=version):
        if version(one) > NEWEST_GLIBC:
            yield f"needs glibc {one}"
    if UNWINDS not in program.read_bytes():
        yield "aborts where it panics; Cargo.toml's release profile must say panic = \"unwind\""
    if program.stat().st_size > LARGEST_MB * 1e6:
        yield f"has {program.stat().st_size / 1e6:.0f} MB"


def newest_glibc(program):
    return max(re.findall(r"GLIBC_([0-9.]+)", readelf("-V", program)), key=version)


def pack(program, place):
    entry = zipfile.ZipInfo("bootstrap", NO_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = 0o100755 << 16
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr(entry, program.read_bytes(), compresslevel=9)


def main(arch, built, out, *names):
    out = Path(out)
    out.mkdir(parents=True)
    programs = {name: Path(built, name, "bootstrap") for name in names}
    found = [f"{name} {fault}" for name, program in programs.items() for fault in faults(arch, program)]
    if found:
        sys.exit("\n".join(found))
    print(f"{'function':<16} {'binary MB':>9} {'zip MB':>7}  newest glibc symbol")
    for name, program in programs.items():
        place = out / f"{name}.zip"
        pack(program, place)
        sizes = program.stat().st_size / 1e6, place.stat().st_size / 1e6
        print(f"{name:<16} {sizes[0]:>9.1f} {sizes[1]:>7.1f}  {newest_glibc(program)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
