// The balance as a line over the events. Pixels are the only thing here that is made with JavaScript's numbers.

import { useRef } from "../vendor/hooks.mjs";
import { html } from "../app/ui.mjs";

const [WIDTH, HEIGHT, PAD] = [1000, 180, 12];

export function Line({ points, last, at, move }) {
  const svg = useRef(null);
  const known = [...points].map(([sequence, text]) => [sequence, Number(text)]).sort((one, two) => one[0] - two[0]);
  const values = known.map(([, value]) => value);
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const x = (sequence) => (last === 0 ? 0 : (sequence / last) * WIDTH);
  const y = (value) => HEIGHT - PAD - ((value - low) / (high - low || 1)) * (HEIGHT - 2 * PAD);
  const path = known.map(([sequence, value], each) => {
    const [right, up] = [x(sequence).toFixed(1), y(value).toFixed(1)];
    return each === 0 ? `M${right} ${up}` : `H${right}V${up}`;
  });
  const end = `H${WIDTH}`;
  const here = known.filter(([sequence]) => sequence <= at).at(-1) ?? [0, 0];
  const jump = (event) => {
    const box = svg.current.getBoundingClientRect();
    move(Math.round(((event.clientX - box.left) / box.width) * last));
  };
  // Everything that it says is said in words below it, and its mouse is the slider's shortcut.
  return html`<svg ref=${svg} class="line" viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label="The balance over the events" onClick=${jump}>
    <path class="area" d=${`${path.join("")}${end}V${y(low).toFixed(1)}H0Z`} />
    <line class="zero" x1="0" x2=${WIDTH} y1=${y(0)} y2=${y(0)} />
    <path class="stroke" d=${path.join("") + end} />
    <line class="cursor" x1=${x(at)} x2=${x(at)} y1="0" y2=${HEIGHT} />
    <path class="dot" d=${`M${x(at)} ${y(here[1])}h0.01`} />
  </svg>`;
}
