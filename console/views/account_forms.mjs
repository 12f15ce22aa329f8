// What somebody can do with an account. Each is a form of its own, under a key of its own.

import { id } from "../app/api.mjs";
import { CommandForm, said } from "../app/forms.mjs";
import { go, href } from "../app/router.mjs";
import { html, Money } from "../app/ui.mjs";

const AMOUNT = { name: "amount", label: "Amount", required: true, inputmode: "decimal", placeholder: "0.00" };
const CATEGORY = { name: "category", label: "Category", hint: "A word for reports, such as salary or rent." };
const NAMED = { name: "transactionId", label: "Transaction id", hint: "Its name where it comes from." };

const transaction = (sign, type) => ({ amount, ...rest }) => ({
  eventType: "TransactionProcessed",
  eventData: { amount: amount.startsWith("-") ? amount : sign + amount, type, ...said(rest) },
});

export const FORMS = {
  deposit: {
    short: "Deposit",
    title: "Deposit money",
    action: "Deposit",
    fields: [AMOUNT, CATEGORY, NAMED],
    body: transaction("", "deposit"),
  },
  withdraw: {
    short: "Withdraw",
    title: "Withdraw money",
    action: "Withdraw",
    fields: [AMOUNT, CATEGORY, NAMED],
    body: transaction("-", "withdrawal"),
  },
  send: {
    short: "Send",
    title: "Send money to another account",
    action: "Send",
    fields: [
      { name: "toAccount", label: "To account", required: true },
      AMOUNT,
      { name: "reference", label: "Reference", hint: "What it is for." },
    ],
  },
  close: {
    short: "Close",
    title: "Close the account",
    action: "Close it for good",
    danger: true,
    fields: [{ name: "reason", label: "Reason" }],
    body: (data) => ({ eventType: "AccountClosed", eventData: said(data) }),
    // Whoever closes an account has seen what is on it.
    seen: true,
  },
};

export function AccountForm({ name, accountId, present, grown }) {
  const form = FORMS[name];
  const { state, sequence } = present;
  const command = (values, key) => {
    if (name === "send") return transfer(accountId, state.currency, values, key);
    const path = `accounts/${id(accountId)}/commands`;
    return { path, validatePath: `${path}:validate`, body: form.body(values), sequence: form.seen ? sequence : undefined };
  };
  const accepted = async (receipt) => {
    if (name === "send") {
      go(["transfers", receipt.aggregateId]);
    } else {
      await grown(); // what is shown as the state now is the state with this command
      go(["accounts", accountId]);
    }
  };
  const balance = html`<p class="quiet">
    Available: <${Money} amount=${state.available} currency=${state.currency} />
  </p>`;
  return html`<section class="room" aria-label=${form.title}>
    <h2>${form.title}</h2>
    <${CommandForm}
      ...${{ command, accepted, danger: form.danger, action: form.action, before: balance }}
      fields=${form.fields}
      cancel=${href(["accounts", accountId])}
    />
  </section>`;
}

/** A transfer is named by the form's key: sent twice, it is one. */
function transfer(fromAccount, currency, values, key) {
  const data = { fromAccount, currency, ...said(values) };
  return {
    path: "transfers",
    body: data,
    validatePath: `transfers/${id(key)}/commands:validate`,
    validateBody: { eventType: "TransferRequested", eventData: data },
  };
}
