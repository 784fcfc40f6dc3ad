"""What others take to compare the two files of the import bench: processor seconds, one tool a process.

`pip install duckdb polars`, then `python shared/core/benches/rivals.py DAY1.csv DAY2.csv`. The files: the crate
people-gen makes them (`people-gen people=1000000 day=1 DAY1.csv`, `... day=2 shuffle=true DAY2.csv`).
Rivals read both files and only compare; Muster reads one file and its roster, and also maps, checks and writes the next roster.
"""

import csv
import resource
import subprocess
import sys

KEY = "Employee ID"


def python_csv(old, new):
    def people(path):
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            next(reader)
            return {row[0]: row for row in reader}

    before, after = people(old), people(new)
    changed = sum(1 for key, row in after.items() if key in before and before[key] != row)
    return len(after.keys() - before.keys()), changed, len(before.keys() - after.keys())


def duckdb(old, new):
    import duckdb

    db = duckdb.connect()
    for name, path in (("old", old), ("new", new)):
        db.execute(f"create view {name} as select * from read_csv('{path}', all_varchar=true, header=true)")
    query = f"""select count(*) filter (where o."{KEY}" is null), count(*) filter (where o."{KEY}" is not null and n."{KEY}" is not null and o is distinct from n),
                count(*) filter (where n."{KEY}" is null) from old o full join new n on o."{KEY}" = n."{KEY}" """
    return db.execute(query).fetchone()


def polars(old, new):
    import polars

    before, after = (polars.read_csv(path, infer_schema=False) for path in (old, new))
    hashed = [frame.select(KEY, hash=frame.hash_rows()) for frame in (before, after)]
    both = hashed[0].join(hashed[1], on=KEY, how="full", suffix="_new")
    added = both.filter(polars.col("hash").is_null()).height
    removed = both.filter(polars.col("hash_new").is_null()).height
    return added, both.filter(polars.col("hash") != polars.col("hash_new")).height, removed


def main():
    if sys.argv[1] in ("python_csv", "duckdb", "polars"):
        print(globals()[sys.argv[1]](*sys.argv[2:]))
        return
    for tool in ("python_csv", "duckdb", "polars"):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        told = subprocess.run([sys.executable, __file__, tool, *sys.argv[1:]], capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        answer = told.stdout.strip() or told.stderr.strip().splitlines()[-1]
        print(f"{tool:<12} {seconds:6.1f} CPU s, {after.ru_maxrss / 1024:6.0f} MiB (largest so far), added, changed, removed: {answer}")


main()
