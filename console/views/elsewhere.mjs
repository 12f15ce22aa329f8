// An id that is looked for among the accounts may be a transfer's, and the other way round.

import { get, id } from "../app/api.mjs";
import { href } from "../app/router.mjs";
import { html, Problem } from "../app/ui.mjs";

const NAMES = { accounts: "an account", transfers: "a transfer" };
const OTHER = { accounts: "transfers", transfers: "accounts" };

/** What `load` finds is in the other collection. */
class Elsewhere extends Error {
  constructor(collection) {
    super(`It is in ${collection}.`);
    this.collection = collection;
  }
}

/** What `load(signal)` answers. Raises: Elsewhere where the id is of the other collection. One request more after a 404. */
export async function within(collection, aggregateId, load, signal) {
  try {
    return await load(signal);
  } catch (error) {
    if (error.status !== 404 || !(await isIn(OTHER[collection], aggregateId, signal))) throw error;
    throw new Elsewhere(OTHER[collection]);
  }
}

async function isIn(collection, aggregateId, signal) {
  try {
    await get(`${collection}/${id(aggregateId)}/state`, {}, signal);
    return true;
  } catch (error) {
    if (error.status === 404) return false;
    throw error;
  }
}

/** What went wrong with an aggregate's view; where it is in the other collection, the way there. */
export function NotHere({ error, aggregateId, retry }) {
  if (!(error instanceof Elsewhere)) return html`<${Problem} ...${{ error, retry }} />`;
  const { collection } = error;
  return html`<p class="problem" role="alert">
    This is ${NAMES[collection]}, not ${NAMES[OTHER[collection]]}: <a href=${href([collection, aggregateId])}>look at ${aggregateId}</a>.
  </p>`;
}
