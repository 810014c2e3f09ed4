"""Whole questions to libraries of growing size: fills, indexes and asks each by the
program benches/scale, one process a step. Prints Markdown. Started by `cargo xtask bench scale`."""
import argparse, json, pathlib, shutil, subprocess, sys

BARS = {"picture_words_filter": 25.0, "slide": 1000.0}


def say(text):
    print(text, file=sys.stderr, flush=True)


def step(options, data, folder, count, name):
    command = [options.bench, data, folder, str(count), name]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def verdict(value, bar):
    return "met" if value <= bar else f"missed by {100 * (value - bar) / bar:.0f} %"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vectors", type=pathlib.Path); parser.add_argument("--cache", type=pathlib.Path)
    parser.add_argument("--bench"); parser.add_argument("--folder", type=pathlib.Path); parser.add_argument("--counts", default="10000,100000,1000000")
    options = parser.parse_args()
    counts = sorted(map(int, options.counts.split(",")))
    data = options.cache / str(counts[-1])
    if not (data / "query.f32").exists():
        say(f"making {counts[-1]:,} vectors")
        subprocess.run([sys.executable, options.vectors, data, "--n", str(counts[-1])], check=True, stdout=sys.stderr)
    print("| views | cases | picture, words and filter: p50 / p95 / p99, ms | picture alone | slide of 64 views | indexing, s | "
          "opening to first answer, s | anonymous memory | mapped |\n|---|---|---|---|---|---|---|---|---|")
    last = {}
    for count in counts:
        folder = options.folder / str(count)
        say(f"filling {count:,} views")
        filled = step(options, data, folder, count, "fill")
        say("indexing")
        indexed = step(options, data, folder, count, "index")
        say("asking")
        last = asked = step(options, data, folder, count, "ask")
        shutil.rmtree(folder, ignore_errors=True)
        spread = lambda part: " / ".join(f"{asked[part][at]:.1f}" for at in ("p50_ms", "p95_ms", "p99_ms"))
        print(f"| {filled['views']:,} | {filled['cases']:,} | {spread('picture_words_filter')} | {spread('picture')} | {spread('slide')} | "
              f"{indexed['index_s']:.0f} | {asked['answers_s']:.2f} | {asked['memory']['anonymous'] / 1e6:,.0f} MB | "
              f"{asked['memory']['mapped'] / 1e6:,.0f} MB |", flush=True)
    print("\n| bar, at the largest size | reached | |\n|---|---|---|")
    for part, text in (("picture_words_filter", "picture, words and filter: p95 ≤ 25 ms"), ("slide", "slide of 64 views ≤ 1 s")):
        reached = last[part]["p95_ms"]
        print(f"| {text} | {reached:.1f} ms | {verdict(reached, BARS[part])} |")
    print(f"\nFrom the parsed request to the answer as JSON, 20 hits, facets, votes and passages included; the vectors are the "
          f"library's own. {last['picture_words_filter']['questions']:,} questions of the first kind, {last['slide']['questions']} of slides, one "
          "after another. Indexing takes the catalog, the vector log and the reports from the disk to a finished index.")


main()
