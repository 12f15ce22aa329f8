// Transfers: those under way or of a status, and the story of one.

import { useEffect, useMemo, useState } from "../vendor/hooks.mjs";
import { get, id } from "../app/api.mjs";
import { person } from "../app/auth.mjs";
import { CommandForm, said } from "../app/forms.mjs";
import { movedOn } from "../app/history.mjs";
import { go, href } from "../app/router.mjs";
import { see } from "../app/seen.mjs";
import { Aggregate, html, Loading, Money, More, Problem, Status, Time, Title, usePages, useLoaded, useReturn, Who } from "../app/ui.mjs";
import { NotHere, within } from "./elsewhere.mjs";
import { together } from "./found.mjs";
import { Story } from "./story.mjs";

const STATUSES = ["Requested", "Approved", "Committed", "Completed", "Failed", "Expired", "Cancelled"];
const WAITING = ["Requested", "Approved", "Committed"];
const LOOK_AGAIN_MS = 1_000;
const LOOKS = 20;

export function Transfers({ query }) {
  const { status, accountId } = query;
  const pages = usePages(
    async (nextToken, signal) => {
      const answer = await get("transfers", { status, accountId, nextToken }, signal);
      return { items: answer.transfers, next: answer.nextToken };
    },
    [status, accountId],
  );
  const choose = (event) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    go(["transfers"], { status: given.get("status"), accountId: given.get("accountId").trim() });
  };
  return html`<p class="crumbs"><a href=${href([])}>Ledger</a> / Transfers</p>
    <${Title} text=${status ? `${status} transfers` : "Transfers under way"} />
    <form class="row jump" onSubmit=${choose}>
      <label>Status <select name="status" value=${status ?? ""}><option value="">under way</option>${STATUSES.map((each) => html`<option value=${each}>${each}</option>`)}</select></label>
      <label>Account <input name="accountId" defaultValue=${accountId ?? ""} autocomplete="off" spellcheck=${false} /></label>
      <button>Show</button>
    </form>
    <${Problem} error=${pages.error} />
    ${pages.items.length > 0 &&
    html`<table class="statement">
      <thead>
        <tr><th scope="col">Transfer</th><th scope="col">From, to</th><th scope="col">Status</th><th scope="col" class="number">Amount</th></tr>
      </thead>
      <tbody>
        ${pages.items.map((each) => html`<${Row} key=${each.TransferId} row=${each} />`)}
      </tbody>
    </table>`}
    ${!pages.loading && !pages.error && pages.items.length === 0 && html`<p class="quiet">${pages.more ? "None so far." : "There are none."}</p>`}
    <${More} pages=${pages} what="transfers" />`;
}

function Row({ row }) {
  return html`<tr>
    <td><a href=${href(["transfers", row.TransferId])}>${row.TransferId}</a><br /><${Time} at=${row.RequestedAt} /></td>
    <td><${Aggregate} id=${row.FromAccount} /> <span aria-hidden="true">→</span> <${Aggregate} id=${row.ToAccount} /></td>
    <td><${Status} value=${row.Status} /></td>
    <td class="number"><${Money} amount=${row.Amount} currency=${row.Currency} /></td>
  </tr>`;
}

async function present(path, signal) {
  const [own, { reconstructedState: state, eventsProcessed: sequence }] = await Promise.all([
    get(`${path}/events`, {}, signal),
    get(`${path}/state`, {}, signal),
  ]);
  return { own, state, sequence };
}

async function story(transferId, signal) {
  const load = (leaving) => present(`transfers/${id(transferId)}`, leaving);
  const { own, state, sequence } = await within("transfers", transferId, load, signal);
  const correlation = own.events[0].CorrelationId;
  const others = await get(`correlations/${id(correlation)}`, { limit: 200 }, signal).catch((error) => {
    if (error.status === 400) return { events: [] }; // the ledger keeps no index by correlation
    throw error;
  });
  const currencies = await apart(own.events.find((each) => each.EventType === "TransferFailed"), state, signal);
  return { state, sequence, request: own.events[0], events: together(own.events, others.events), currencies };
}

/** Which account's currency refused a transfer: {account, kept}. Undefined where another rule did, or the account cannot be asked. */
async function apart(failed, state, signal) {
  if (failed?.EventData.rule !== "account-currency") return undefined;
  const account = failed.EventData.step === "reserve" ? state.fromAccount : state.toAccount;
  try {
    const { reconstructedState } = await get(`accounts/${id(account)}/state`, {}, signal);
    return { account, kept: reconstructedState.currency };
  } catch (error) {
    if (!error.status) throw error;
    return undefined;
  }
}

export function Transfer({ transferId }) {
  const found = useLoaded((signal) => story(transferId, signal), [transferId]);
  const { state, sequence, events, request, currencies } = found.content ?? {};
  useEffect(() => {
    if (found.content) see("transfers", transferId);
  }, [transferId, found.content]);
  useFollowing(found, state);
  useReturn(async () => {
    if (state && (await movedOn("transfers", transferId, sequence))) found.reload();
  });
  return html`<p class="crumbs"><a href=${href([])}>Ledger</a> / <a href=${href(["transfers"])}>Transfers</a></p>
    <${Title} text=${transferId} />
    <${NotHere} error=${found.error} aggregateId=${transferId} retry=${found.reload} />
    ${found.loading && !found.content && html`<${Loading} what="Reading the transfer" />`}
    ${state &&
    html`<section class="now" aria-label="Now">
        <div class="balance">
          <span class="label">Amount</span>
          <span class="big"><${Money} amount=${state.amount} currency=${state.currency} /></span>
        </div>
        <dl class="facts">
          <div><dt>Status</dt><dd><${Status} value=${state.status} /></dd></div>
          <div><dt>From</dt><dd><${Aggregate} id=${state.fromAccount} /></dd></div>
          <div><dt>To</dt><dd><${Aggregate} id=${state.toAccount} /></dd></div>
          <div><dt>Reference</dt><dd>${request.EventData.reference ?? html`<span class="quiet">–</span>`}</dd></div>
          <div><dt>Deadline</dt><dd><${Time} at=${state.deadline} /></dd></div>
          <div><dt>Requested by</dt><dd><${Who} id=${state.requestedBy} /></dd></div>
          ${state.approvedBy && html`<div><dt>Approved by</dt><dd><${Who} id=${state.approvedBy} /></dd></div>`}
        </dl>
        ${currencies && html`<p class="hint"><${Aggregate} id=${currencies.account} /> is kept in ${currencies.kept}, and the transfer is in ${state.currency}.</p>`}
      </section>
      <${Deeds} ...${{ transferId, state, sequence }} done=${found.reload} />
      <section class="room" aria-label="Its story">
        <h2>Its story</h2>
        <${Story} events=${events} />
      </section>`}`;
}

/** Looks again for a while, as long as the transfer is on its way without anybody's doing. */
function useFollowing(found, state) {
  const [looks, setLooks] = useState(0);
  const moving = state && WAITING.includes(state.status) && !(state.status === "Requested" && state.needsApproval);
  useEffect(() => {
    if (!moving || found.loading || looks >= LOOKS) return undefined;
    const timer = setTimeout(() => {
      setLooks(looks + 1);
      found.reload();
    }, LOOK_AGAIN_MS);
    return () => clearTimeout(timer);
  }, [moving, found.loading, looks]);
}

function Deeds({ transferId, state, sequence, done }) {
  const path = `transfers/${id(transferId)}/commands`;
  const own = person()?.subject === state.requestedBy;
  const command = (eventType) => (values) => ({
    path,
    validatePath: `${path}:validate`,
    body: { eventType, eventData: said(values) },
    sequence,
  });
  const cancelFields = useMemo(() => [{ name: "reason", label: "Reason" }], []);
  if (!["Requested", "Approved"].includes(state.status)) return null;
  const waits = state.status === "Requested" && state.needsApproval;
  return html`<section class="room deeds-room" aria-label="What can be done">
    ${waits &&
    (own
      ? html`<p class="quiet">It waits for the approval of somebody other than you, who asked for it.</p>`
      : html`<${CommandForm} key=${`approve-${sequence}`} fields=${[]} command=${command("TransferApproved")} action="Approve" accepted=${done} />`)}
    <${CommandForm} key=${`cancel-${sequence}`} fields=${cancelFields} command=${command("TransferCancelled")} action="Cancel the transfer" danger accepted=${done} />
  </section>`;
}
