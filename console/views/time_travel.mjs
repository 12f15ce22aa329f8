// The account at any of its events: what it was then, what the event changed, and the balance as a line.

import { useEffect, useMemo, useRef, useState } from "../vendor/hooks.mjs";
import { diff } from "../app/diff.mjs";
import { difference, signOf } from "../app/exact.mjs";
import { latest } from "../app/history.mjs";
import { note } from "../app/router.mjs";
import { html, Loading, Money, Problem, Status, Time, Value, words } from "../app/ui.mjs";
import { EventFacts, Gist } from "./events.mjs";
import { Line } from "./line.mjs";

const AROUND = 3;
const SIGNS = {
  first: "M5 4v12M15 4 8 10l7 6Z",
  back: "M13 4 6 10l7 6Z",
  on: "M7 4l7 6-7 6Z",
  last: "M15 4v12M5 4l7 6-7 6Z",
};
const ORDER = ["balance", "available", "reserved", "status", "transactionCount", "currency", "createdAt", "closedAt"];
const MONEY = ["balance", "reserved", "available"];

export function TimeTravel({ history, path, query, last }) {
  const wanted = Number.parseInt(query.at, 10);
  const [at, setAt] = useState(Number.isNaN(wanted) ? last : within(wanted, last));
  const [moment, setMoment] = useState(null);
  const [error, setError] = useState(null);
  const [points, setPoints] = useState(() => new Map([[0, "0"]]));

  useEffect(() => {
    if (!Number.isNaN(wanted)) setAt(within(wanted, last));
  }, [wanted]);

  // Who looks at the end goes on looking at the end.
  const end = useRef(last);
  useEffect(() => {
    if (at === end.current) setAt(last);
    end.current = last;
  }, [last]);

  const show = useMemo(
    () =>
      latest(async (sequence) => {
        try {
          const [before, after, event, around] = await Promise.all([
            history.state(Math.max(0, sequence - 1)),
            history.state(sequence),
            sequence > 0 ? history.event(sequence) : null,
            neighbours(history, sequence, last),
          ]);
          setError(null);
          setMoment({ sequence, before, after, event, around });
          setPoints((known) => new Map(known).set(sequence, after.balance));
        } catch (failure) {
          setError(failure);
        }
      }),
    [history, last],
  );
  useEffect(() => {
    show(at);
  }, [show, at]);

  useEffect(() => {
    const leaving = new AbortController();
    const add = (found) => leaving.signal.aborted || setPoints((known) => new Map([...known, ...found]));
    history.line(last, add, leaving.signal).catch((failure) => leaving.signal.aborted || setError(failure));
    return () => leaving.abort();
  }, [history, last]);

  const move = (to) => {
    const place = within(to, last);
    setAt(place);
    note(path, place === last ? {} : { at: place });
  };
  return html`<section class="room travel" aria-label="Through time">
    <${Line} points=${points} last=${last} at=${at} move=${move} />
    <${Slider} ...${{ at, last, move, history, setError, moment }} />
    <${Problem} error=${error} retry=${() => show(at)} />
    ${moment ? html`<${Moment} ...${moment} last=${last} move=${move} />` : !error && html`<${Loading} what="Replaying" />`}
  </section>`;
}

/** A place of its own for what people look for first; what is unknown comes behind. */
const rank = (name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);

const within = (sequence, last) => Math.min(last, Math.max(0, sequence));

async function neighbours(history, sequence, last) {
  const from = Math.max(1, Math.min(sequence - AROUND, last - 2 * AROUND));
  const places = Array.from({ length: 2 * AROUND + 1 }, (_, each) => from + each).filter((each) => each <= last);
  return (await Promise.all(places.map((each) => history.event(each)))).filter(Boolean);
}

function Slider({ at, last, move, history, setError, moment }) {
  const told = `after event ${at} of ${last}`;
  const back = async (event) => {
    const { value } = event.currentTarget;
    if (!value) return;
    try {
      move(await history.sequenceAt(new Date(value).toISOString()));
    } catch (failure) {
      setError(failure);
    }
  };
  const step = (to, name, sign, off) =>
    html`<button type="button" class="step" aria-label=${name} title=${name} disabled=${off} onClick=${() => move(to)}>
      <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true"><path d=${sign} /></svg>
    </button>`;
  const current = moment?.sequence === at ? moment.event : null;
  return html`<div class="slider">
    <input
      type="range"
      min="0"
      max=${last}
      step="1"
      value=${at}
      aria-label="Event"
      aria-valuetext=${told}
      onInput=${(event) => move(Number(event.currentTarget.value))}
    />
    <div class="slider-row">
      <div class="steps">
        ${step(0, "Before the first event", SIGNS.first, at === 0)} ${step(at - 1, "One event back", SIGNS.back, at === 0)}
        ${step(at + 1, "One event on", SIGNS.on, at === last)} ${step(last, "Now", SIGNS.last, at === last)}
      </div>
      <p class="where">
        <strong>${at === 0 ? "Before the first event" : `Event ${at}`}</strong>
        <span class="quiet"> of ${last}</span>${current && html`<span class="when"> · <${Time} at=${current.Timestamp} /></span>`}
      </p>
      <label class="as-of">As of <input type="datetime-local" step="1" onChange=${back} /></label>
    </div>
  </div>`;
}

function Moment({ sequence, before, after, event, around, last, move }) {
  const rows = useMemo(() => diff(before, after).sort((one, two) => rank(one.name) - rank(two.name)), [before, after]);
  return html`<div class="moment">
      <section class="card" aria-label="State">
        <h2>${sequence === last ? "The state now" : "The state then"}</h2>
        <dl class="members state">
          ${rows.map((row) => html`<${Member} key=${row.name} row=${row} currency=${after.currency} first=${sequence === 0} />`)}
        </dl>
      </section>
      <section class="card" aria-label="Event">
        ${event
          ? html`<h2>${event.EventType}</h2>
              <p class="effect"><${Effect} before=${before} after=${after} /></p>
              <${EventFacts} event=${event} />`
          : html`<h2>Nothing has happened yet</h2>
              <p class="quiet">So the account begins. Move on to see what its first event changed.</p>`}
      </section>
    </div>
    <${Around} ...${{ around, sequence, move }} />`;
}

/** What the event did to the balance, in words. */
function Effect({ before, after }) {
  const by = difference(before.balance, after.balance);
  if (signOf(by) === 0) return html`<span class="quiet">The balance stayed as it was.</span>`;
  return html`The balance went ${signOf(by) > 0 ? "up" : "down"}: <${Money} amount=${by} currency=${after.currency} signed />`;
}

function Member({ row, currency, first }) {
  const changed = row.changed && !first;
  return html`<div class=${changed ? "changed" : ""}>
    <dt>${words(row.name)}${changed && html`<span class="sr"> (changed)</span>`}</dt>
    <dd>
      ${changed && html`<del><${Shown} name=${row.name} value=${row.before} currency=${currency} /></del> <span aria-hidden="true">→</span> `}
      ${changed ? html`<ins><${Shown} name=${row.name} value=${row.after} currency=${currency} /></ins>` : html`<${Shown} name=${row.name} value=${row.after} currency=${currency} />`}
    </dd>
  </div>`;
}

function Shown({ name, value, currency }) {
  if (value !== null && value !== undefined) {
    if (MONEY.includes(name) || name.startsWith("reservations.")) return html`<${Money} amount=${value} currency=${currency} />`;
    if (name === "status") return html`<${Status} value=${value} />`;
    if (name.endsWith("At")) return html`<${Time} at=${value} />`;
  }
  return html`<${Value} value=${value} />`;
}

function Around({ around, sequence, move }) {
  if (around.length < 2) return null;
  return html`<section aria-label="Events around it">
    <h2>Around it</h2>
    <ol class="around">
      ${around.map((each) => {
        const number = Number(each.EventSequence);
        return html`<li key=${number}>
          <button type="button" aria-current=${number === sequence ? "true" : undefined} onClick=${() => move(number)}>
            <span class="seq">${number}</span><span class="what"><strong>${each.EventType}</strong> <${Gist} event=${each} /></span><${Time} at=${each.Timestamp} />
          </button>
        </li>`;
      })}
    </ol>
  </section>`;
}
