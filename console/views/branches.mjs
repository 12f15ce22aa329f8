// For operators: branches of the ledger, and what other rules would have decided otherwise on them.

import { useState } from "../vendor/hooks.mjs";
import { get, id } from "../app/api.mjs";
import { difference } from "../app/exact.mjs";
import { href } from "../app/router.mjs";
import { Aggregate, html, Money, More, Problem, Status, Time, Title, usePages, words } from "../app/ui.mjs";
import { Datum } from "./events.mjs";
import { Facts, many } from "./operators.mjs";

const KINDS = [
  ["accepted-refused", "Accepted, now refused"],
  ["refused-accepted", "Refused, now accepted"],
  ["other-events", "Accepted, with other events"],
];
const WORDS = Object.fromEntries(KINDS);

const placeOf = (name, ...more) => ["operations", "branches", name, ...more];
const pathOf = (name) => `operations/branches/${id(name)}`;

export function Branches() {
  const pages = usePages(async (nextToken, signal) => {
    const answer = await get("operations/branches", { nextToken }, signal);
    return { items: answer.branches, next: answer.nextToken };
  }, []);
  return html`<p class="hint">A branch tries commands, or other rules, on top of real history, and changes nothing of it.</p>
    <${Problem} error=${pages.error} />
    ${pages.items.length > 0 &&
    html`<table class="statement listed">
      <thead>
        <tr><th scope="col">Branch</th><th scope="col">Stands on</th><th scope="col">Gone by itself</th></tr>
      </thead>
      <tbody>${pages.items.map((each) => html`<${Row} key=${each.id} of=${each} />`)}</tbody>
    </table>`}
    ${!pages.loading && !pages.error && pages.items.length === 0 &&
    html`<p class="quiet">${pages.more ? "None so far." : html`There are none. An operator makes one: <code>ops branch create</code>.`}</p>`}
    <${More} pages=${pages} what="branches" />`;
}

function Row({ of }) {
  return html`<tr>
    <td><a href=${href(placeOf(of.name))}>${of.name}</a><br /><${Time} at=${of.createdAt} /></td>
    <td><${Base} of=${of} /></td>
    <td><${Time} at=${of.expiresAt} /></td>
  </tr>`;
}

function Base({ of }) {
  return of.at ? html`the history until <${Time} at=${of.at} />` : html`each account as first touched`;
}

export function Branch({ name }) {
  const [of, setOf] = useState(null);
  const touched = usePages(
    async (nextToken, signal) => {
      const answer = await get(pathOf(name), { nextToken }, signal);
      if (!signal.aborted) setOf(answer);
      return { items: answer.touched, next: answer.nextToken };
    },
    [name],
  );
  return html`<${Title} text=${name} />
    <${Problem} error=${touched.error} />
    ${of &&
    html`<section class="now" aria-label="Now">
        <dl class="facts">
          <div><dt>Stands on</dt><dd><${Base} of=${of} /></dd></div>
          <div><dt>Made</dt><dd><${Time} at=${of.createdAt} /></dd></div>
          <div><dt>Gone by itself</dt><dd><${Time} at=${of.expiresAt} /></dd></div>
          ${of.run && html`<div><dt>Rules tried</dt><dd><code>${of.run.code}</code></dd></div>
            <div><dt>Up to</dt><dd><${Time} at=${of.run.until} /></dd></div>`}
        </dl>
      </section>
      ${of.run ? html`<${Diff} name=${name} />` : html`<p class="quiet">No other rules were tried on it: <code>ops branch run</code> does that.</p>`}`}
    <section class="room" aria-label="Touched">
      <h2>Touched by commands and queries</h2>
      ${of && touched.items.length === 0 && html`<p class="quiet">Nothing was.</p>`}
      <ul class="findings">
        ${touched.items.map((each) => html`<li key=${each.aggregateId}><${Aggregate} id=${each.aggregateId} /> <span class="quiet">on its first ${many(each.base, "event")}</span></li>`)}
      </ul>
      <${More} pages=${touched} what="what was touched" />
    </section>`;
}

function Diff({ name }) {
  const [sum, setSum] = useState(null);
  const accounts = usePages(
    async (nextToken, signal) => {
      const answer = await get(`${pathOf(name)}/diff`, { nextToken }, signal);
      if (!signal.aborted) setSum(answer);
      return { items: answer.accounts, next: answer.nextToken };
    },
    [name],
  );
  return html`<${Problem} error=${accounts.error} />
    ${sum && html`<${Sum} of=${sum} />`}
    <section class="room" aria-label="Accounts that differ">
      <h2>Accounts that differ</h2>
      ${sum && accounts.items.length === 0 && html`<p class="quiet">None: these rules decide as the ledger did.</p>`}
      ${accounts.items.length > 0 &&
      html`<table class="statement listed">
        <thead>
          <tr><th scope="col">Account</th><th scope="col">Held, and would hold</th><th scope="col">Decisions</th><th scope="col" class="number">Difference</th></tr>
        </thead>
        <tbody>${accounts.items.map((each) => html`<${Outcome} key=${each.aggregateId} name=${name} of=${each} />`)}</tbody>
      </table>`}
      <${More} pages=${accounts} what="accounts" />
    </section>`;
}

function Sum({ of }) {
  const causes = Object.entries(of.causes).sort(([, one], [, two]) => Number(two) - Number(one));
  const units = Object.entries(of.difference);
  return html`${!of.complete && html`<p class="hint">It is not complete: ${of.partsDone} of ${of.parts} parts of the store are decided again.</p>`}
    <section class="room" aria-label="Decisions that differ">
      <h2>Decisions that differ</h2>
      <p class="hint">${many(of.decisions, "command")} of ${many(of.aggregates, "account")} decided again, ${of.refusals} of them refused before.</p>
      ${of.unread !== "0" && html`<p class="problem">The rules cannot cope with ${many(of.unread, "account")}.</p>`}
      <div class="abreast">
        ${KINDS.map(
          ([kind, text]) => html`<${Facts} key=${kind} name=${text}>
            <div><dt>By the rules</dt><dd>${of.roots[kind] ?? "0"}</dd></div>
            <div><dt>That follow</dt><dd>${of.follows[kind] ?? "0"}</dd></div>
          <//>`,
        )}
      </div>
    </section>
    <section class="room" aria-label="Root causes">
      <h2>Root causes</h2>
      ${causes.length === 0 && html`<p class="quiet">There are none.</p>`}
      <ul class="findings">
        ${causes.map(([cause, times]) => html`<li key=${cause}><${Root} /> ${cause} <span class="quiet">${times}×</span></li>`)}
      </ul>
    </section>
    <section class="room" aria-label="What all accounts hold">
      <h2>What all accounts hold</h2>
      ${units.length === 0 && html`<p class="quiet">Nothing.</p>`}
      ${units.map(
        ([unit, each]) => html`<${Facts} key=${unit} name=${unit}>
          <div><dt>Recorded</dt><dd><${Money} amount=${each.recorded} currency=${unit} /></dd></div>
          <div><dt>By these rules</dt><dd><${Money} amount=${each.candidate} currency=${unit} /></dd></div>
          <div><dt>Difference</dt><dd><${Money} amount=${each.difference} currency=${unit} signed /></dd></div>
        <//>`,
      )}
      ${of.processes !== "0" && html`<p class="hint">${many(of.processes, "time")} a transfer is concerned. What would have followed in its other streams is not decided again.</p>`}
    </section>`;
}

const Root = () => html`<span class="status status-root">root cause</span>`;

function Outcome({ name, of }) {
  const link = html`<a href=${href(placeOf(name, of.aggregateId))}>${of.aggregateId}</a>`;
  if (of.problem !== undefined) {
    return html`<tr><td>${link}</td><td colspan="3" class="bad">The rules cannot cope with it: ${of.problem}</td></tr>`;
  }
  const [before, after] = [of.recorded?.amount ?? "0", of.candidate?.amount ?? "0"];
  const unit = (of.recorded ?? of.candidate)?.unit;
  const roots = Object.values(of.roots).reduce((sum, each) => sum + BigInt(each), 0n);
  return html`<tr>
    <td>${link}</td>
    <td><${Money} amount=${before} currency=${unit} bare /> <span aria-hidden="true">→</span><span class="sr"> and then</span> <${Money} amount=${after} currency=${unit} /></td>
    <td>${of.differences}<span class="quiet">, ${String(roots)} by the rules</span></td>
    <td class="number"><${Money} amount=${difference(before, after)} currency=${unit} signed /></td>
  </tr>`;
}

export function Decisions({ name, aggregateId }) {
  const pages = usePages(
    async (nextToken, signal) => {
      const answer = await get(`${pathOf(name)}/decisions`, { aggregateId, nextToken }, signal);
      return { items: answer.decisions, next: answer.nextToken };
    },
    [name, aggregateId],
  );
  return html`<${Title} text=${aggregateId} />
    <p class="hint">Decisions that come out otherwise by the rules tried on <code>${name}</code>, in the order in which they were asked for. <${Aggregate} id=${aggregateId} /> is as it was.</p>
    <${Problem} error=${pages.error} />
    ${!pages.loading && !pages.error && pages.items.length === 0 && html`<p class="quiet">There are none.</p>`}
    <ol class="events">
      ${pages.items.map((each, place) => html`<li key=${place}><${Decision} of=${each} /></li>`)}
    </ol>
    <${More} pages=${pages} what="decisions" />`;
}

function Decision({ of }) {
  return html`<details class="event">
    <summary>
      <span class="seq">${of.sequence ?? "–"}</span>
      <span class="what"><strong>${of.eventType}</strong> <span class="of">${WORDS[of.kind] ?? of.kind}</span> ${of.root ? html`<${Root} />` : html`<span class="quiet">follows</span>`}</span>
      <${Time} at=${of.at} />
    </summary>
    <div class="event-facts">
      <dl class="members">
        <div><dt>Was</dt><dd><${Decided} of=${of.was} /></dd></div>
        <div><dt>Would be</dt><dd><${Decided} of=${of.is} /></dd></div>
      </dl>
      <dl class="members fine">
        <div><dt>Command</dt><dd><code>${of.commandId}</code></dd></div>
        ${of.cause && html`<div><dt>Follows from</dt><dd><code>${of.cause}</code></dd></div>`}
        ${of.process && html`<div><dt>Transfer</dt><dd><${Aggregate} id=${of.process} type="Transfer" /></dd></div>`}
      </dl>
    </div>
  </details>`;
}

/** What a decision came to: events, or a refusal. */
function Decided({ of }) {
  if (!Array.isArray(of)) {
    return html`<${Status} value="Refused" /> <code class="rule">${of.rule ?? of.code}</code> ${of.message}`;
  }
  if (of.length === 0) return html`<span class="quiet">nothing</span>`;
  return of.map(
    (each, place) => html`<div key=${place}>
      <strong>${each.eventType}</strong>
      ${Object.entries(each.eventData).map(([name, value]) => html`<div key=${name}><span class="quiet">${words(name)}</span> <${Datum} ...${{ name, value }} currency=${each.eventData.currency} /></div>`)}
    </div>`,
  );
}
