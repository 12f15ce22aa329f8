// Events of several streams as a tree: each below the event that caused it, and how long after the first it came.

import { html } from "../app/ui.mjs";
import { Event } from "./events.mjs";

/** The roots of a causation, each {event, led}. An event whose cause is not here is a root. */
export function treeOf(events) {
  const nodes = new Map(events.map((event) => [event.EventId, { event, led: [] }]));
  const roots = [];
  for (const node of nodes.values()) {
    const cause = nodes.get(node.event.CausationId);
    if (cause && cause !== node) cause.led.push(node);
    else roots.push(node);
  }
  return roots;
}

export function Story({ events }) {
  const streams = [...new Set(events.map((each) => each.AggregateId))];
  const first = events[0]?.Timestamp;
  return html`<ul class="streams" aria-label="Streams">
      ${streams.map((each, number) => html`<li class=${`stream lane-${number % 6}`}>${each}</li>`)}
    </ul>
    <${Branch} nodes=${treeOf(events)} ...${{ streams, first }} />`;
}

function Branch({ nodes, streams, first }) {
  return html`<ol class="tree">
    ${nodes.map(
      ({ event, led }) => html`<li key=${event.EventId} class=${`lane-${streams.indexOf(event.AggregateId) % 6}`}>
        <${Event} event=${event} stream after=${after(first, event.Timestamp)} />
        ${led.length > 0 && html`<${Branch} nodes=${led} ...${{ streams, first }} />`}
      </li>`,
    )}
  </ol>`;
}

/** How long after the first event; of the first one itself, nothing. */
function after(from, to) {
  const ms = Date.parse(to) - Date.parse(from);
  if (!(ms > 0)) return undefined;
  return ms < 1000 ? `+${ms} ms` : `+${(ms / 1000).toFixed(1)} s`;
}
