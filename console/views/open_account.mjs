import { id } from "../app/api.mjs";
import { CommandForm, said } from "../app/forms.mjs";
import { go, href } from "../app/router.mjs";
import { html, Title } from "../app/ui.mjs";

/** What the ledger takes where nobody says a currency: the default of AccountCreated. It is shown, and not sent. */
const CURRENCY = "USD";

const FIELDS = [
  { name: "accountId", label: "Account id", required: true, hint: "Its name for good, without / and ?.", pattern: "[^\\/?]+" },
  { name: "customerId", label: "Customer" },
  { name: "accountType", label: "Type", placeholder: "checking" },
  { name: "currency", label: "Currency", placeholder: CURRENCY, maxlength: 3, hint: `An ISO 4217 code; the account is kept in it for good. Left out: ${CURRENCY}.` },
  { name: "overdraftLimit", label: "Overdraft limit", inputmode: "decimal", hint: "How far below zero the balance may fall." },
];

function command({ accountId, currency, ...rest }) {
  const path = `accounts/${id(accountId)}/commands`;
  const data = said({ ...rest, currency: currency.toUpperCase() });
  return { path, validatePath: `${path}:validate`, body: { eventType: "AccountCreated", eventData: data } };
}

export function OpenAccount() {
  return html`<${Title} text="Open an account" />
    <${CommandForm} fields=${FIELDS} command=${command} action="Open the account" cancel=${href([])}
      accepted=${(_, { accountId }) => go(["accounts", accountId])} />`;
}
