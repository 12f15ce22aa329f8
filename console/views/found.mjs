// Events of any stream: of a type and a time, or of what belongs together.

import { get, id } from "../app/api.mjs";
import { href } from "../app/router.mjs";
import { html, Loading, More, Problem, Title, usePages, useLoaded } from "../app/ui.mjs";
import { Event } from "./events.mjs";
import { Story } from "./story.mjs";

const PAGE = 50;

export function EventsOfType({ query }) {
  const { type, from, to } = query;
  const pages = usePages(
    async (nextToken, signal) => {
      const answer = await get("events", { type, from, to, limit: PAGE, nextToken }, signal);
      return { items: answer.events, next: answer.nextToken };
    },
    [type, from, to],
  );
  return html`<p class="crumbs"><a href=${href([])}>Ledger</a> / Events by type</p>
    <${Title} text=${type ?? "Events"} />
    <p class="quiet">The newest first${from ? html`, from <code>${from}</code>` : ""}${to ? html`, to <code>${to}</code>` : ""}.</p>
    <${Problem} error=${pages.error} />
    <ol class="events" reversed>
      ${pages.items.map((each) => html`<li key=${each.EventId}><${Event} event=${each} stream /></li>`)}
    </ol>
    ${!pages.loading && !pages.error && pages.items.length === 0 && html`<p class="quiet">There are none.</p>`}
    <${More} pages=${pages} what="events" />`;
}

export function Correlation({ correlationId }) {
  const found = useLoaded((signal) => correlated(correlationId, signal), [correlationId]);
  return html`<p class="crumbs"><a href=${href([])}>Ledger</a> / What belongs together</p>
    <${Title} text=${correlationId} />
    <${Problem} error=${found.error} retry=${found.reload} />
    ${found.loading && html`<${Loading} what="Looking" />`}
    ${found.content &&
    (found.content.length > 0
      ? html`<${Story} events=${found.content} />`
      : html`<p class="quiet">No event says that it belongs to it, but perhaps that of the command by this very id.</p>`)}`;
}

const MOST = 500;

/** The events of a correlation, and, where a transfer is among their streams, its own. */
export async function correlated(correlationId, signal) {
  const found = [];
  let nextToken;
  do {
    const answer = await get(`correlations/${id(correlationId)}`, { limit: 200, nextToken }, signal);
    found.push(...answer.events);
    nextToken = answer.nextToken;
  } while (nextToken && found.length < MOST);
  const transfers = new Set(found.filter((each) => each.EventType.startsWith("Transfer")).map((each) => each.AggregateId));
  const streams = await Promise.all([...transfers].map((each) => get(`transfers/${id(each)}/events`, {}, signal)));
  return together(found, ...streams.map((each) => each.events));
}

/** All events, each once, in the order of their times. */
export function together(...lists) {
  const byId = new Map(lists.flat().map((each) => [each.EventId, each]));
  const key = (each) => `${each.Timestamp} ${each.AggregateId} ${each.EventSequence.padStart(16, "0")}`;
  return [...byId.values()].sort((one, two) => (key(one) < key(two) ? -1 : 1));
}
