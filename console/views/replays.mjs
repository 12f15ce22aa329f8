// For operators: replays, how far each is and how fast, and whether it is to go on.

import { useRef, useState } from "../vendor/hooks.mjs";
import { get, id, post } from "../app/api.mjs";
import { href } from "../app/router.mjs";
import { Aggregate, html, Status, Time, Title, useLoaded, Value, words } from "../app/ui.mjs";
import { Again, many, Twice, useFollowing } from "./operators.mjs";

const LOOK_AGAIN_MS = 2_000;
const PAGE = 50;
const MOST = 1_000;
const WINDOW_MS = 20_000;

/** Whether an operator's program writes its copies: it is paused and gone on with there. */
const isOfFiles = (replay) => replay.spec.target === "file";
const moves = (replay) => replay.state === "running" && !replay.stalled;

export function Replays() {
  const [most, setMost] = useState(PAGE);
  const looked = useLoaded((signal) => get("operations/replays", { limit: String(most) }, signal), [most]);
  const found = useFollowing(looked, Boolean(looked.content?.replays.some(moves)), LOOK_AGAIN_MS);
  const { replays, at, nextToken } = found.content ?? {};
  const paces = usePaces(replays, at);
  return html`<${Again} found=${found} what="Looking for replays" at=${at} />
    ${replays?.length === 0 && html`<p class="quiet">There are none. An operator starts one: <code>ops replay start</code>.</p>`}
    ${replays?.length > 0 &&
    html`<table class="statement listed">
      <thead>
        <tr><th scope="col">Replay</th><th scope="col">Copies go to</th><th scope="col">State</th><th scope="col" class="number">How far</th></tr>
      </thead>
      <tbody>
        ${replays.map((each) => html`<${Row} key=${each.replayId} of=${each} pace=${paces.get(each.replayId)} />`)}
      </tbody>
    </table>`}
    ${nextToken && most < MOST && html`<p><button type="button" class="more" onClick=${() => setMost(most + PAGE)}>Show more</button></p>`}`;
}

function Row({ of, pace }) {
  return html`<tr>
    <td><a href=${href(["operations", "replays", of.replayId])}>${of.replayId}</a><br /><${Time} at=${of.startedAt} /></td>
    <td><${Target} of=${of} /></td>
    <td><${Status} value=${of.stalled ? "stalled" : of.state} /></td>
    <td class="number"><${Bar} of=${of} /><br /><${Speed} of=${of} pace=${pace} /></td>
  </tr>`;
}

function Target({ of }) {
  const { target, transform } = of.spec;
  const [kind, name] = target.split(":");
  return html`${kind === "branch" ? html`<a href=${href(["operations", "branches", name])}>${target}</a>` : html`<span class="long">${target}</span>`}${transform && html`<br /><code>${transform}</code>`}`;
}

// Shares and speeds are drawn and told about, so JavaScript's numbers do for them; what is counted stays text.

/** Which part of a replay is done, from 0 to 1: by the store's items, or, where nothing tells how many, by segments. */
export function part({ state, scanned, items, segments, segmentsDone }) {
  if (state === "completed") return 1;
  if (scanned === null) return 0;
  const all = Number(items);
  if (all > 0 && Number(scanned) <= all) return Number(scanned) / all;
  return Number(segments) ? Number(segmentsDone) / Number(segments) : 0;
}

function Bar({ of }) {
  if (isOfFiles(of) && moves(of)) return html`<span class="quiet">being written</span>`;
  const percent = Math.floor(100 * part(of));
  return html`<progress max="100" value=${percent} aria-label=${`How far ${of.replayId} is`}>${percent} %</progress> <span class="percent">${percent} %</span>`;
}

function Speed({ of, pace }) {
  if (!moves(of)) return html`<span class="quiet">${of.sent} sent</span>`;
  const left = pace && seconds(of, pace);
  return html`<span class="quiet">${pace ? `${Math.round(pace.sent)} a second` : of.spec.rate ? `at most ${of.spec.rate} a second` : "as fast as may be"}${left !== undefined && left !== null && `, ${duration(left)} left`}</span>`;
}

/** How many seconds a replay will yet take at a pace; null where nothing tells. */
export function seconds({ scanned, items }, pace) {
  const left = Number(items) - Number(scanned);
  return items === null || left < 0 || !(pace.scanned > 0) ? null : left / pace.scanned;
}

/** Seconds in words, about. */
export function duration(whole) {
  for (const [name, size] of [["day", 86_400], ["hour", 3_600], ["minute", 60]]) {
    if (whole >= 1.5 * size) return `about ${many(Math.round(whole / size), name)}`;
  }
  return `about ${many(Math.max(1, Math.round(whole)), "second")}`;
}

/** By replay, what it goes through and sends in a second: between the first and the last look of the last while. */
function usePaces(replays, at) {
  const looks = useRef(new Map());
  const now = Date.parse(at);
  const paces = new Map();
  for (const each of replays ?? []) {
    const { replayId, scanned, sent } = each;
    const seen = (looks.current.get(replayId) ?? []).filter((look) => look.at < now && look.at >= now - WINDOW_MS);
    const [first] = seen;
    const last = { at: now, scanned: Number(scanned), sent: Number(sent) };
    looks.current.set(replayId, moves(each) ? [...seen, last] : []);
    if (first && moves(each)) paces.set(replayId, pace(first, last));
  }
  return paces;
}

function pace(first, last) {
  const passed = (last.at - first.at) / 1_000;
  return { scanned: (last.scanned - first.scanned) / passed, sent: (last.sent - first.sent) / passed };
}

export function Replay({ replayId }) {
  const path = `operations/replays/${id(replayId)}`;
  const [done, setDone] = useState(null);
  const looked = useLoaded((signal) => get(path, {}, signal), [replayId]);
  const found = useFollowing(looked, Boolean(looked.content && moves(looked.content)), LOOK_AGAIN_MS);
  const of = found.content;
  const pace = usePaces(of && [of], of?.at).get(replayId);
  const change = (name) => async () => {
    const answer = await post(`${path}/${name}`);
    setDone(`It is ${answer.state}.`);
    found.reload();
  };
  return html`<${Title} text=${replayId} />
    <${Again} found=${found} what="Looking at the replay" at=${of?.at} />
    <p role="status">${done}</p>
    ${of && html`<${Whole} of=${of} pace=${pace} /><${Changes} of=${of} change=${change} /><${Asked} spec=${of.spec} /><${Segments} of=${of} />`}`;
}

function Whole({ of, pace }) {
  const left = pace && seconds(of, pace);
  return html`<section class="now" aria-label="Now">
      <div class="balance">
        <span class="label">How far</span>
        <span class="far"><${Bar} of=${of} /></span>
      </div>
      <dl class="facts">
        <div><dt>State</dt><dd><${Status} value=${of.stalled ? "stalled" : of.state} /></dd></div>
        <div><dt>Copies a second</dt><dd>${[pace && Math.round(pace.sent), of.spec.rate && `at most ${of.spec.rate}`].filter((each) => each || each === 0).join(", ") || "–"}</dd></div>
        <div><dt>Time left</dt><dd>${left === undefined || left === null ? html`<span class="quiet">–</span>` : duration(left)}</dd></div>
        <div><dt>Gone through</dt><dd>${of.scanned ?? "–"}${of.items !== null && html` <span class="quiet">of about ${of.items}</span>`}</dd></div>
        <div><dt>Selected</dt><dd>${of.selected ?? "–"}</dd></div>
        <div><dt>Sent</dt><dd>${of.sent}</dd></div>
        <div><dt>Left out</dt><dd class=${of.leftOut === "0" ? undefined : "bad"}>${of.leftOut}</dd></div>
        <div><dt>Started</dt><dd><${Time} at=${of.startedAt} /></dd></div>
      </dl>
    </section>
    ${isOfFiles(of) && html`<p class="hint">Its copies are written by the program that an operator started: it is stopped there, and goes on there.</p>`}
    ${of.stalled && !isOfFiles(of) && html`<p class="problem">Nobody has been at it for long: see what the function <code>replayer</code> logs, and resume it.</p>`}
    ${of.problems.length > 0 && html`<ul class="problem">${of.problems.map((each) => html`<li key=${each}>Left out: ${each}</li>`)}</ul>`}`;
}

function Asked({ spec }) {
  return html`<section class="room" aria-label="What it was asked for">
    <h2>What it was asked for</h2>
    <dl class="members">
      ${Object.entries(spec).map(([name, value]) => html`<div key=${name}><dt>${words(name)}</dt><dd><${Value} value=${value} /></dd></div>`)}
    </dl>
  </section>`;
}

function Changes({ of, change }) {
  const name = html`<code>${of.replayId}</code>`;
  const leave = "Leave it";
  if (!["running", "paused"].includes(of.state)) return null;
  return html`<section class="room" aria-label="What can be done">
    <h2>What can be done</h2>
    <div class="side-by-side">
      ${of.state === "running" && !isOfFiles(of) &&
      html`<div><${Twice} text="Pause" question=${html`Have ${name} stop for now?`} sure="Pause it" doing="Pausing …" ...${{ leave }} act=${change("pause")} /></div>`}
      ${(of.state === "paused" || of.stalled) && !isOfFiles(of) &&
      html`<div><${Twice} text="Resume" question=${html`Have ${name} go on where it stopped?`} sure="Resume it" doing="Resuming …" ...${{ leave }} act=${change("resume")} /></div>`}
      <div><${Twice} text="Cancel" question=${html`End ${name} for good? What it has sent stays sent.`} sure="End it" doing="Ending …" ...${{ leave }} danger act=${change("cancel")} /></div>
    </div>
  </section>`;
}

function Segments({ of }) {
  return html`<section class="room" aria-label="Segments">
    <h2>Segments</h2>
    <p class="hint">${of.segmentsDone} of ${of.segments} parts of the store are gone through.</p>
    <table class="statement listed">
      <thead>
        <tr><th scope="col">Segment</th><th scope="col">Everything has gone out up to</th><th scope="col">State</th><th scope="col" class="number">Sent of selected</th></tr>
      </thead>
      <tbody>${of.bySegment.map((each) => html`<${Segment} key=${each.number} of=${each} />`)}</tbody>
    </table>
  </section>`;
}

const STATES = { done: "completed", working: "running", waiting: "waiting" };

function Segment({ of }) {
  const place = of.after
    ? html`<${Aggregate} id=${of.after.aggregateId} />, event ${of.after.sequence}`
    : html`<span class="quiet">${of.state === "done" ? "its end" : "–"}</span>`;
  return html`<tr>
    <td>${of.number}</td>
    <td>${place}${of.problem && html`<br /><span class="bad">${of.problem}</span>`}</td>
    <td><span class=${`status status-${STATES[of.state]}`}>${of.state}</span></td>
    <td class="number">${of.sent}${of.selected !== null && ` of ${of.selected}`}</td>
  </tr>`;
}
