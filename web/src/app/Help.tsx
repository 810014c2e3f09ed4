// The keys by where they work, and how to read an answer.

import { Dialog } from "../ui/dialog";

const KEYS: [string, [string[], string][]][] = [
  [
    "Anywhere, and in an answer",
    [
      [["/"], "to the words"],
      [["j", "k"], "next, previous case"],
      [["Enter"], "open the picture"],
      [["c"], "open the case"],
      [["s"], "cases similar to it"],
      [["?"], "this help"],
    ],
  ],
  [
    "Viewer",
    [
      [["+", "−"], "zoom in, out"],
      [["="], "fit"],
      [["r", "R"], "rotate right, left"],
      [["h", "v"], "flip across, upside down"],
      [["n"], "overview of where one is"],
      [["b"], "draw a box"],
      [["Enter"], "search the box"],
      [["Esc"], "drop tool, box; close"],
    ],
  ],
  [
    "Slices, frames, and pictures of a case",
    [
      [["←", "→"], "one back, on"],
      [["↑", "↓"], "the same"],
      [["PgUp", "PgDn"], "ten back, on"],
      [["Home", "End"], "first, last"],
      [["wheel"], "slices, frames; zooms one picture"],
      [["Ctrl", "wheel"], "zoom among slices, frames"],
      [["Shift", "wheel"], "pictures of the case"],
    ],
  ],
  [
    "Slides",
    [
      [["1"], "2×: 5 µm per screen pixel"],
      [["2"], "5×"],
      [["3"], "10×: 1 µm per screen pixel"],
      [["4"], "20×"],
      [["5"], "40×"],
    ],
  ],
  [
    "CT and other grey pictures",
    [
      [["1", "…", "5"], "CT: soft tissue, lung, liver, bone, brain"],
      [["1", "2", "3"], "others: file’s own, full range, 1 to 99 %"],
      [["4", "5"], "dark parts, bright parts"],
      [["4", "5"], "PET, NM: lower half, lower quarter"],
      [["w"], "window by dragging"],
      [["right drag"], "the same, always"],
      [["0"], "fit, and the file’s own window"],
    ],
  ],
  [
    "Side by side",
    [
      [["x"], "the query’s picture beside"],
      [["l"], "move together, or each alone"],
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
                <div key={names.join() + what}>
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
          <p>
            Lengths come from the pixel spacing that the file states; where it states none, none is shown.
            With a finger, drag to move and pinch to zoom.
          </p>
        </section>
      </div>
    </Dialog>
  );
}
