import { get, id } from "../app/api.mjs";
import { signOf } from "../app/exact.mjs";
import { go, href } from "../app/router.mjs";
import { html, Money, More, Problem, Time, usePages } from "../app/ui.mjs";

const PAGE = 50;

/** The account's transactions, newest first, each with the balance after it. */
export function Statement({ accountId, query, sequence }) {
  const { from, to } = query;
  const pages = usePages(
    async (nextToken, signal) => {
      const answer = await get(`accounts/${id(accountId)}/statement`, { limit: PAGE, from, to, nextToken }, signal);
      return { items: answer.Entries.map((each) => ({ ...each, Currency: answer.Currency })), next: answer.nextToken };
    },
    [accountId, from, to, sequence],
  );
  const choose = (event) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const moment = (name) => given.get(name) && new Date(given.get(name)).toISOString();
    go(["accounts", accountId, "statement"], { from: moment("from"), to: moment("to") });
  };
  return html`<section class="room" aria-label="Statement">
    <div class="room-head">
      <h2>Statement</h2>
      <form class="row jump" onSubmit=${choose}>
        <label>From <input type="datetime-local" name="from" /></label>
        <label>To <input type="datetime-local" name="to" /></label>
        <button>Show</button>
      </form>
    </div>
    <${Problem} error=${pages.error} />
    ${(pages.items.length > 0 || pages.loading) &&
    html`<table class="statement">
      <thead>
        <tr><th scope="col">Recorded</th><th scope="col">For</th><th scope="col" class="number">Amount</th><th scope="col" class="number">Balance</th></tr>
      </thead>
      <tbody>
        ${pages.items.map((entry) => html`<${Entry} key=${entry.EventSequence} ...${{ entry, accountId }} />`)}
      </tbody>
    </table>`}
    ${!pages.loading && !pages.error && pages.items.length === 0 && html`<p class="quiet">No transactions${from || to ? " in that time" : " yet"}.</p>`}
    <${More} pages=${pages} what="transactions" />
  </section>`;
}

function Entry({ entry, accountId }) {
  return html`<tr>
    <td><${Time} at=${entry.RecordedAt} /></td>
    <td>
      <a href=${href(["accounts", accountId], { at: entry.EventSequence })}>${entry.Category}</a>
      ${entry.TransactionId && html` <span class="quiet">${entry.TransactionId}</span>`}
    </td>
    <td class="number"><${Money} amount=${entry.Amount} currency=${entry.Currency} bare signed=${signOf(entry.Amount) !== 0} /></td>
    <td class="number"><${Money} amount=${entry.Balance} currency=${entry.Currency} /></td>
  </tr>`;
}
