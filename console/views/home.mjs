// The beginning: what to look for, and what was looked at.

import { useState } from "../vendor/hooks.mjs";
import { go, href } from "../app/router.mjs";
import { html, Title } from "../app/ui.mjs";
import { seen } from "../app/seen.mjs";

export const TYPES = [
  "AccountCreated", "TransactionProcessed", "AccountClosed", "FundsReserved", "ReservationReleased", "TransferRequested",
  "TransferApproved", "TransferCommitted", "TransferCompleted", "TransferFailed", "TransferExpired", "TransferCancelled",
  "TransferSettled",
];

export function Home() {
  const recent = seen();
  return html`<${Title} text="What are you looking for?" />
    <div class="finders">
      <${ById} />
      <${ByCorrelation} />
      <${ByType} />
    </div>
    ${recent.length > 0 &&
    html`<section>
      <h2>Looked at lately</h2>
      <ul class="chips">
        ${recent.map(([kind, id]) => html`<li key=${kind + id}><a class="chip" href=${href([kind, id])}>${id}</a></li>`)}
      </ul>
    </section>`}`;
}

function ById() {
  const [id, setId] = useState("");
  const [kind, setKind] = useState("accounts");
  const find = (event) => {
    event.preventDefault();
    if (id.trim()) go([kind, id.trim()]);
  };
  return html`<form class="finder wide" onSubmit=${find} role="search" aria-label="By id">
    <fieldset class="kinds">
      <legend>By id</legend>
      ${["accounts", "transfers"].map(
        (each) => html`<label
          ><input type="radio" name="kind" value=${each} checked=${kind === each} onChange=${() => setKind(each)} />
          ${each === "accounts" ? "Account" : "Transfer"}</label
        >`,
      )}
    </fieldset>
    <div class="row">
      <input aria-label="Id" placeholder="account-123" required value=${id} spellcheck=${false} autocomplete="off" onInput=${(event) => setId(event.currentTarget.value)} />
      <button class="primary">Find</button>
    </div>
  </form>`;
}

function ByCorrelation() {
  const [id, setId] = useState("");
  const find = (event) => {
    event.preventDefault();
    if (id.trim()) go(["correlations", id.trim()]);
  };
  return html`<form class="finder" onSubmit=${find} role="search" aria-label="By correlation">
    <h2><label for="correlation">By correlation</label></h2>
    <p class="hint">All events that one request led to, in whichever stream.</p>
    <div class="row">
      <input id="correlation" placeholder="transfer-42" required value=${id} spellcheck=${false} autocomplete="off" onInput=${(event) => setId(event.currentTarget.value)} />
      <button>Find</button>
    </div>
  </form>`;
}

function ByType() {
  const find = (event) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const moment = (name) => given.get(name) && new Date(given.get(name)).toISOString();
    go(["events"], { type: given.get("type"), from: moment("from"), to: moment("to") });
  };
  return html`<form class="finder" onSubmit=${find} role="search" aria-label="By type and time">
    <h2><label for="type">By type and time</label></h2>
    <select id="type" name="type">
      ${TYPES.map((each) => html`<option>${each}</option>`)}
    </select>
    <div class="row">
      <label>From <input type="datetime-local" name="from" /></label>
      <label>To <input type="datetime-local" name="to" /></label>
    </div>
    <button>Find</button>
  </form>`;
}
