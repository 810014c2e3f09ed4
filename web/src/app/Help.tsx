// The keys, and how to read an answer.

import { Dialog } from "../ui/dialog";

const KEYS: [string, [string[], string][]][] = [
  [
    "Search",
    [
      [["/"], "to the words"],
      [["j", "k"], "next, previous case"],
      [["Enter"], "open the picture"],
      [["c"], "open the case"],
      [["s"], "cases similar to it"],
    ],
  ],
  [
    "Viewer",
    [
      [["b"], "draw a box"],
      [["Enter"], "search the box"],
      [["x"], "compare with the query"],
      [["←", "→"], "frames (also Shift + wheel)"],
      [["+", "−", "0"], "zoom in, out, fit"],
      [["1", "…", "5"], "window of a CT"],
      [["Esc"], "close"],
    ],
  ],
];

export function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard and reading" onClose={onClose} wide>
      <div className="help">
        {KEYS.map(([group, keys]) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl className="keys">
              {keys.map(([names, what]) => (
                <div key={what}>
                  <dt>
                    {names.map((name) => (
                      <kbd key={name}>{name}</kbd>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <section className="help-reading">
          <h3>Reading an answer</h3>
          <p>
            The <b>score</b> orders the list: 1.00 is first in every way of finding that took part. It is no
            probability. The <b>cosine</b> compares pictures under one model; low values can still be good
            matches.
          </p>
          <p>
            “no pneumothorax” finds reports that deny it; “pneumothorax” does not find those. Quotes keep
            words together.
          </p>
        </section>
      </div>
    </Dialog>
  );
}
