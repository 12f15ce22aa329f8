// One account: what it is now, and everything that made it so.

import { useEffect, useMemo } from "../vendor/hooks.mjs";
import { get, id } from "../app/api.mjs";
import { History, movedOn } from "../app/history.mjs";
import { href } from "../app/router.mjs";
import { see } from "../app/seen.mjs";
import { html, Loading, Money, Status, Title, Value, useLoaded, useReturn } from "../app/ui.mjs";
import { AccountForm, FORMS } from "./account_forms.mjs";
import { NotHere, within } from "./elsewhere.mjs";
import { Events } from "./events.mjs";
import { Statement } from "./statement.mjs";
import { TimeTravel } from "./time_travel.mjs";
import { Verify } from "./verify.mjs";

const TABS = [
  [undefined, "Through time"],
  ["statement", "Statement"],
  ["events", "Events"],
  ["verify", "Verify"],
];

export function Account({ accountId, tab, query }) {
  const history = useMemo(() => new History("accounts", accountId), [accountId]);
  const present = useLoaded((signal) => within("accounts", accountId, (leaving) => history.present(leaving), signal), [history]);
  useEffect(() => {
    if (present.content) see("accounts", accountId);
  }, [accountId, present.content]);
  const grown = () => {
    history.grown();
    return present.reload();
  };
  useReturn(async () => {
    if (present.content && (await movedOn("accounts", accountId, present.content.sequence))) await grown();
  });
  return html`<p class="crumbs"><a href=${href([])}>Ledger</a> / Account</p>
    <${Title} text=${accountId} />
    <${NotHere} error=${present.error} aggregateId=${accountId} retry=${present.reload} />
    ${!present.content && present.loading && html`<${Loading} what="Reading the account" />`}
    ${present.content &&
    html`<${Now} accountId=${accountId} ...${present.content} />
      <${Doors} accountId=${accountId} tab=${tab} status=${present.content.state.status} />
      <${Room} ...${{ accountId, tab, query, history, grown }} present=${present.content} />`}`;
}

/** What it is now: by replay of its events, so it is up to date, with what only the row has beside it. */
function Now({ accountId, sequence, state }) {
  const row = useLoaded((signal) => get(`accounts/${id(accountId)}`, {}, signal), [accountId, sequence]);
  const { OverdraftLimit: overdraft, LastSequence: last } = row.content ?? {};
  const behind = last !== undefined ? Math.max(0, sequence - Number(last)) : 0;
  return html`<section class="now" aria-label="Now">
    <div class="balance">
      <span class="label">Balance</span>
      <span class="big"><${Money} amount=${state.balance} currency=${state.currency} /></span>
    </div>
    <dl class="facts">
      <div><dt>Status</dt><dd><${Status} value=${state.status} /></dd></div>
      <div><dt>Available</dt><dd><${Money} amount=${state.available} currency=${state.currency} /></dd></div>
      <div><dt>Set aside</dt><dd><${Money} amount=${state.reserved} currency=${state.currency} /></dd></div>
      ${overdraft !== undefined && html`<div><dt>Overdraft limit</dt><dd><${Money} amount=${overdraft} currency=${state.currency} /></dd></div>`}
      <div><dt>Transactions</dt><dd><${Value} value=${state.transactionCount} /></dd></div>
      <div><dt>Events</dt><dd>${sequence}</dd></div>
    </dl>
    ${behind > 0 && html`<p class="hint">The read model is ${behind === 1 ? "1 event" : `${behind} events`} behind.</p>`}
  </section>`;
}

function Doors({ accountId, tab, status }) {
  const link = (name, text, of) =>
    html`<a class=${of} href=${href(["accounts", accountId, name].filter(Boolean))} aria-current=${tab === name ? "page" : undefined}>${text}</a>`;
  return html`<div class="doors">
    <nav class="tabs" aria-label="Of the account">${TABS.map(([name, text]) => link(name, text, "tab"))}</nav>
    ${status === "Active" &&
    html`<nav class="deeds" aria-label="What can be done">
      ${Object.entries(FORMS).map(([name, form]) => link(name, form.short, "button"))}
    </nav>`}
  </div>`;
}

function Room({ accountId, tab, query, history, present, grown }) {
  if (tab === "statement") return html`<${Statement} accountId=${accountId} query=${query} sequence=${present.sequence} />`;
  if (tab === "events") return html`<${Events} history=${history} path=${["accounts", accountId]} query=${query} last=${present.sequence} />`;
  if (tab === "verify") return html`<${Verify} collection="accounts" aggregateId=${accountId} />`;
  if (FORMS[tab]) return html`<${AccountForm} key=${tab} name=${tab} ...${{ accountId, present, grown }} />`;
  return html`<${TimeTravel} ...${{ history, query }} path=${["accounts", accountId]} last=${present.sequence} />`;
}
