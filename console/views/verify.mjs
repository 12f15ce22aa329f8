// Is a stream one unbroken chain, and are its rows what its events make? Asked stretch by stretch.

import { useEffect, useRef, useState } from "../vendor/hooks.mjs";
import { get, id } from "../app/api.mjs";
import { html, Problem, Time } from "../app/ui.mjs";
import { mayOperate, Reserved } from "./operators.mjs";

const NOTHING = { findings: [], upTo: null, complete: false };
const UNDER_WAY = ["row-missing", "row-behind"];

export function Verify({ collection, aggregateId }) {
  const [seen, setSeen] = useState(NOTHING);
  const [error, setError] = useState(null);
  const [running, setRunning] = useState(false);
  const leaving = useRef(null);
  useEffect(() => () => leaving.current?.abort(), []);
  const allowed = mayOperate();

  const verify = async () => {
    leaving.current = new AbortController();
    const { signal } = leaving.current;
    setSeen(NOTHING);
    setError(null);
    setRunning(true);
    try {
      let nextToken;
      do {
        const path = `operations/${collection}/${id(aggregateId)}/verification`;
        const answer = await get(path, { nextToken }, signal);
        nextToken = answer.nextToken;
        setSeen(({ findings }) => ({
          findings: [...findings, ...answer.findings],
          upTo: answer.upToSequence,
          asOf: answer.asOf,
          inFlight: answer.inFlight,
          complete: answer.complete,
        }));
      } while (nextToken);
    } catch (failure) {
      if (!signal.aborted) setError(failure);
    }
    if (!signal.aborted) setRunning(false);
  };
  return html`<section class="room" aria-label="Verify">
    <h2>Verify</h2>
    <p>Reads every event, computes its hash, follows the chain, and compares the rows and the statement with what the events make.</p>
    <div class="actions">
      <button type="button" class="primary" disabled=${running || !allowed} aria-describedby=${allowed ? undefined : "reserved"} onClick=${verify}>${running ? "Verifying …" : "Verify now"}</button>
      <p role="status">${seen.upTo !== null && html`<${Verdict} of=${seen} />`}</p>
    </div>
    ${!allowed && html`<${Reserved} id="reserved" />`}
    <${Problem} error=${error} />
    <${Findings} findings=${seen.findings} />
  </section>`;
}

function Verdict({ of }) {
  if (!of.complete) return html`Events up to ${of.upTo} are read.`;
  const young = of.inFlight !== "0" && ` ${of.inFlight} young events may be on their way to the rows.`;
  if (of.findings.length > 0) return html`<span class="bad">✕ Not sound</span>, as of <${Time} at=${of.asOf} />.${young}`;
  return html`<span class="good">✓ Sound</span> up to event ${of.upTo}, as of <${Time} at=${of.asOf} />.${young}`;
}

function Findings({ findings }) {
  if (findings.length === 0) return null;
  const underWay = findings.every((each) => UNDER_WAY.includes(each.kind));
  return html`${underWay && html`<p class="hint">The rows may only be late: look at the health, and verify again.</p>`}
    <ul class="findings">
      ${findings.map((each) => html`<li key=${[each.kind, each.row, each.sequence]}><code class="rule">${each.kind}</code> ${each.sequence !== null && `event ${each.sequence}, `}${each.row ?? "stream"}<br />${each.detail}</li>`)}
    </ul>`;
}
