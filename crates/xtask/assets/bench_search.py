"""The index beside faiss, hnswlib and plain usearch, in one run: builds each, raises each one's candidates until
recall@10 reaches the bar, then measures all in turns. Prints Markdown. Started by `cargo xtask bench search`."""
import argparse, gc, json, os, pathlib, shutil, subprocess, sys, time

M, EF_CONSTRUCTION, K, RECALL, ROUNDS = 16, 128, 10, 0.99, 5
DIMENSION = 1152
EFS = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024]


def memory():
    text = pathlib.Path("/proc/self/status").read_text()
    kib = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines() if line.startswith("Rss")}
    return {"anonymous": 1024 * kib["RssAnon"], "mapped": 1024 * kib["RssFile"]}


class Faiss:
    def __init__(self, name):
        import faiss
        self.faiss, self.fp16 = faiss, name == "faiss fp16"

    def build(self, base):
        self.faiss.omp_set_num_threads(os.cpu_count())
        ip = self.faiss.METRIC_INNER_PRODUCT
        if self.fp16:
            self.index = self.faiss.IndexHNSWSQ(DIMENSION, self.faiss.ScalarQuantizer.QT_fp16, M, ip)
            self.index.train(base[:1000])
        else:
            self.index = self.faiss.IndexHNSWFlat(DIMENSION, M, ip)
        self.index.hnsw.efConstruction = EF_CONSTRUCTION
        for start in range(0, len(base), 20_000):
            self.index.add(base[start:start + 20_000])

    def search(self, queries, ef, threads):
        self.faiss.omp_set_num_threads(threads)
        self.index.hnsw.efSearch = ef
        return self.index.search(queries, K)[1]


class Hnswlib:
    def __init__(self, _):
        import hnswlib
        self.hnswlib = hnswlib

    def build(self, base):
        self.index = self.hnswlib.Index("ip", DIMENSION)
        self.index.init_index(len(base), ef_construction=EF_CONSTRUCTION, M=M)
        for start in range(0, len(base), 20_000):
            self.index.add_items(base[start:start + 20_000], num_threads=os.cpu_count())

    def search(self, queries, ef, threads):
        self.index.set_ef(max(ef, K))
        return self.index.knn_query(queries, K, num_threads=threads)[0]


class Usearch:
    def __init__(self, _):
        from usearch.index import Index
        self.index = Index(ndim=DIMENSION, metric="ip", dtype="f16", connectivity=M, expansion_add=EF_CONSTRUCTION)

    def build(self, base):
        import numpy as np
        for start in range(0, len(base), 20_000):
            part = base[start:start + 20_000]
            self.index.add(np.arange(start, start + len(part)), part, threads=os.cpu_count())

    def search(self, queries, ef, threads):
        self.index.expansion_search = ef
        return self.index.search(queries, K, threads=threads).keys


PEERS = {"faiss fp16": Faiss, "faiss f32": Faiss, "hnswlib f32": Hnswlib, "usearch f16": Usearch}


def peer(name, data):
    """One peer in a process of its own, so that its memory is its own; takes commands like our side."""
    import numpy as np
    base = np.memmap(data / "base.f32", dtype="<f4", mode="r").reshape(-1, DIMENSION)
    queries = np.fromfile(data / "query.f32", dtype="<f4").reshape(-1, DIMENSION)
    index, ef = PEERS[name](name), EFS[0]
    empty = memory()["anonymous"]
    for line in sys.stdin:
        words = line.split()
        if words[0] == "build":
            started = time.perf_counter()
            index.build(base)
            answer = {"seconds": time.perf_counter() - started}
        elif words[0] == "ef":
            ef, answer = int(words[1]), {}
        elif words[0] == "search":
            best = float("inf")
            for _ in range(int(words[2])):
                started = time.perf_counter()
                found = index.search(queries, ef, int(words[1]))
                best = min(best, time.perf_counter() - started)
            answer = {"qps": len(queries) / best, "answers": [[int(one) for one in row] for row in found]}
        elif words[0] == "memory":
            gc.collect()
            held = memory()
            answer = {"anonymous": held["anonymous"] - empty, "mapped": held["mapped"]}
        print(json.dumps(answer), flush=True)


class Side:
    def __init__(self, name, command):
        self.name, self.row = name, {}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} broke off at {words}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def truth(data):
    import numpy as np
    held = data / "truth.npy"
    if not held.exists():
        import faiss
        faiss.omp_set_num_threads(os.cpu_count())
        base = np.memmap(data / "base.f32", dtype="<f4", mode="r").reshape(-1, DIMENSION)
        queries = np.fromfile(data / "query.f32", dtype="<f4").reshape(-1, DIMENSION)
        scores = np.full((len(queries), K), -2.0, "f4"); ids = np.zeros((len(queries), K), "i8")
        for start in range(0, len(base), 50_000):
            near = queries @ base[start:start + 50_000].T
            part = np.argpartition(-near, K, axis=1)[:, :K]
            scores = np.concatenate([scores, np.take_along_axis(near, part, 1)], 1)
            ids = np.concatenate([ids, part + start], 1)
            best = np.argsort(-scores, axis=1)[:, :K]
            scores, ids = np.take_along_axis(scores, best, 1), np.take_along_axis(ids, best, 1)
        np.save(held, ids)
    return np.load(held)


def recall(answers, wanted):
    met = sum(len(set(found[:K]) & set(map(int, right))) for found, right in zip(answers, wanted))
    return met / (K * len(wanted))


def say(text):
    print(text, file=sys.stderr, flush=True)


def measure(options, count, names):
    data = options.cache / str(count)
    if not (data / "query.f32").exists():
        say(f"making {count:,} vectors")
        subprocess.run([sys.executable, options.vectors, data, "--n", str(count)], check=True, stdout=sys.stderr)
    wanted = truth(data)
    work = options.folder / str(count)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    ours = Side("casekin", [options.bench, data, work, options.code])
    sides = [ours]
    empty = ours.ask("memory")["anonymous"]
    say("building casekin")
    ours.row["build"] = ours.ask("build", count)
    ours.row["open"] = ours.ask("reopen")
    for name in names:
        say(f"building {name}")
        side = Side(name, [sys.executable, __file__, "--peer", name, "--data", data])
        side.row["build"] = side.ask("build")
        sides.append(side)
    for side in sides:
        for ef in EFS:
            if side is not ours:
                side.ask("ef", ef)
            side.row["recall"], side.row["ef"] = recall(side.ask("search", 1, 1)["answers"], wanted), ef
            if side is ours or side.row["recall"] >= RECALL:
                break
        say(f"{side.name}: recall@10 {side.row['recall']:.4f}")
    for _ in range(ROUNDS):
        for threads in (1, 2):
            for side in sides:
                side.row.setdefault(threads, []).append(side.ask("search", threads, 1)["qps"])
    for side in sides:
        side.row["memory"] = side.ask("memory")
    ours.row["memory"]["anonymous"] -= empty
    for side in sides[1:]:
        side.close()
    ours.row["latency"] = ours.ask("latency")
    ours.close()
    shutil.rmtree(work, ignore_errors=True)
    return sides


def middle(values):
    return sorted(values)[len(values) // 2]


def verdict(value, bar, least=True):
    met = value >= bar if least else value <= bar
    return "met" if met else f"missed by {100 * abs(value - bar) / bar:.0f} %"


def table(count, sides):
    ours, peers = sides[0], sides[1:]
    lines = [f"\n### {count:,} vectors\n",
             "| | build, vectors/s | recall@10 | queries/s, 1 thread (least–most) | 2 threads (least–most) | anonymous memory | mapped |",
             "|---|---|---|---|---|---|---|"]
    for side in sides:
        row = side.row
        spread = lambda t: f"{middle(row[t]):,.0f} ({min(row[t]):,.0f}–{max(row[t]):,.0f})"
        where = "" if side is ours else f", ef {row['ef']}"
        memory = row["memory"]
        lines.append(f"| {side.name}{where} | {count / row['build']['seconds']:,.0f} | {row['recall']:.4f} | {spread(1)} | "
                     f"{spread(2)} | {memory['anonymous'] / 1e6:,.0f} MB | {memory['mapped'] / 1e6:,.0f} MB |")
    lines += ["", "| bar | reached | |", "|---|---|---|"]
    bar = lambda text, value, limit, least=True, unit="×": lines.append(
        f"| {text} | {value:.2f}{unit} | {verdict(value, limit, least)} |")
    bar("recall@10 ≥ 0.99", ours.row["recall"], 0.99, True, "")
    for threads in (1, 2):
        best = max(middle(side.row[threads]) for side in peers)
        bar(f"queries, {threads} thread{'s' * (threads > 1)}: ≥ 1.3 × the best", middle(ours.row[threads]) / best, 1.3)
    fastest = min(side.row["build"]["seconds"] for side in peers)
    bar("build ≥ 1.5 × the fastest", fastest / ours.row["build"]["seconds"], 1.5)
    fp16 = next(side for side in peers if side.name == "faiss fp16")
    bar("anonymous memory ≤ 0.25 × faiss fp16", ours.row["memory"]["anonymous"] / fp16.row["memory"]["anonymous"], 0.25, False)
    latency = ours.row["latency"]
    bar("p99 while adding ≤ 3 × idle", latency["ingesting"]["p99"] / latency["idle"]["p99"], 3, False)
    opened = ours.row["open"]
    bar("open, ready in < 1 s", opened["answers_ms"] / 1000, 1, False, " s")
    build = ours.row["build"]
    grown = "until a graph had taken some in" if latency["grown"] else "without a graph taking any in"
    lines.append(f"\ncasekin's build is all of it: the vector log with its fsyncs ({build['log_s']:.0f} s), columns and waiting "
                 f"signs ({build['apply_s']:.0f} s), graph, check, measurement and flush after the last vector "
                 f"({build['settle_s']:.0f} s); {build['segments']} segment(s), {build['index_bytes'] / 1e6:,.0f} MB. Single questions, "
                 f"idle p50 / p95 / p99: {latency['idle']['p50']:.2f} / {latency['idle']['p95']:.2f} / {latency['idle']['p99']:.2f} ms; while "
                 f"{latency['added_per_s']:,.0f} vectors/s come in: {latency['ingesting']['p50']:.2f} / {latency['ingesting']['p95']:.2f} / "
                 f"{latency['ingesting']['p99']:.2f} ms, {grown}.")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer"); parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--cache", type=pathlib.Path); parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--vectors", type=pathlib.Path); parser.add_argument("--bench")
    parser.add_argument("--code", default="auto"); parser.add_argument("--counts", default="100000,1000000")
    options = parser.parse_args()
    if options.peer:
        return peer(options.peer, options.data)
    import faiss, hnswlib, usearch
    for count in map(int, options.counts.split(",")):
        # At a million only faiss fp16 fits beside the others' copies.
        names = list(PEERS) if count <= 200_000 else ["faiss fp16"]
        print(table(count, measure(options, count, names)), flush=True)
    print(f"\nPeers: faiss {faiss.__version__}, hnswlib, usearch {usearch.__version__}; M {M}, efConstruction {EF_CONSTRUCTION}; each one's "
          f"candidates raised until recall@10 ≥ {RECALL}; {ROUNDS} rounds in turns, the middle one counts. Peers are asked all "
          "questions in one call, casekin one by one. Memory: after the questions, less what the process held before it built.")


main()
