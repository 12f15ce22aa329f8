// The event history of one stream, from any of its events on, and single events.

import { useState } from "../vendor/hooks.mjs";
import { go, href } from "../app/router.mjs";
import { Aggregate, html, Money, More, Problem, Short, Time, usePages, Value, Who, words } from "../app/ui.mjs";

const PAGE = 100;

export function Events({ history, path, query, last }) {
  const from = Math.max(1, Math.min(last, Number.parseInt(query.from, 10) || 1));
  const pages = usePages(
    async (token) => {
      const number = token ?? Math.floor((from - 1) / PAGE);
      const events = await history.page(number);
      const items = token === undefined ? events.filter((each) => Number(each.EventSequence) >= from) : events;
      return { items, next: (number + 1) * PAGE < last ? number + 1 : undefined };
    },
    [history, from, last],
  );
  return html`<section class="room" aria-label="Events">
    <div class="room-head">
      <h2>Events</h2>
      ${last > PAGE && html`<${From} path=${path} from=${from} last=${last} />`}
    </div>
    <${Problem} error=${pages.error} />
    <ol class="events" start=${from}>
      ${pages.items.map((each) => html`<li key=${each.EventSequence}><${Event} event=${each} /></li>`)}
    </ol>
    <${More} pages=${pages} what="events" />
  </section>`;
}

function From({ path, from, last }) {
  const [value, setValue] = useState(String(from));
  const jump = (event) => {
    event.preventDefault();
    go([...path, "events"], { from: value });
  };
  return html`<form class="row jump" onSubmit=${jump}>
    <label>From event <input type="number" min="1" max=${last} value=${value} onInput=${(event) => setValue(event.currentTarget.value)} /></label>
    <button>Go</button>
  </form>`;
}

/** One event in short; opened, all that it holds. */
export function Event({ event, stream = false, after }) {
  return html`<details class="event">
    <summary>
      <span class="seq">${event.EventSequence}</span>
      <span class="what"><strong>${event.EventType}</strong>${stream && html` <span class="of">${event.AggregateId}</span>`} <${Gist} event=${event} /></span>
      ${after === undefined ? html`<${Time} at=${event.Timestamp} />` : html`<span class="after">${after}</span>`}
    </summary>
    <${EventFacts} event=${event} />
  </details>`;
}

/** What an event says, in a few words. */
export function Gist({ event }) {
  const { amount, currency, category, reason } = event.EventData;
  const said = [category, reason].filter((each) => typeof each === "string").join(" · ");
  return html`<span class="gist">
    ${typeof amount === "string" && html`<${Money} amount=${amount} currency=${currency} />`}${said && html`<span class="said">${said}</span>`}
  </span>`;
}

export function EventFacts({ event }) {
  return html`<div class="event-facts">
    <dl class="members">
      ${Object.entries(event.EventData).map(([name, value]) => html`<div><dt>${words(name)}</dt><dd><${Datum} ...${{ name, value }} currency=${event.EventData.currency} /></dd></div>`)}
    </dl>
    <dl class="members fine">
      <div><dt>Stream</dt><dd><${Aggregate} id=${event.AggregateId} type=${event.EventType} at=${event.EventSequence} /></dd></div>
      <div><dt>Recorded</dt><dd><code>${event.Timestamp}</code></dd></div>
      <div><dt>By</dt><dd><${Who} id=${event.Actor} /></dd></div>
      <div><dt>Command</dt><dd><code>${event.CommandId}</code></dd></div>
      <div><dt>Belongs to</dt><dd><a href=${href(["correlations", event.CorrelationId])}>${event.CorrelationId}</a></dd></div>
      <div><dt>Caused by</dt><dd><code>${event.CausationId}</code></dd></div>
      <div><dt>Schema</dt><dd>${event.EventType} version ${event.Version}</dd></div>
    </dl>
    <${Chain} event=${event} />
  </div>`;
}

/** A member of an event's data. Whatever is no plain text there is shown as it stands. */
export function Datum({ name, value, currency }) {
  if (["amount", "overdraftLimit"].includes(name) && typeof value === "string") {
    return html`<${Money} amount=${value} currency=${typeof currency === "string" ? currency : undefined} />`;
  }
  return html`<${Value} value=${value} />`;
}

const GENESIS = /^0+$/;

/** The link of the hash chain that the event is. */
export function Chain({ event }) {
  const first = GENESIS.test(event.PreviousHash);
  return html`<p class="chain" aria-label="Hash chain">
    <span>${first ? html`<span class="quiet">beginning</span>` : html`<${Short} text=${event.PreviousHash} />`}</span>
    <span aria-hidden="true">→</span>
    <span><${Short} text=${event.Hash} length=${24} /></span>
  </p>`;
}
