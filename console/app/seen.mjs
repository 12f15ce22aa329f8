// Which accounts and transfers were looked at in this tab.

const KEPT = "ledger.seen";
const MOST = 8;

/** The newest first, as [collection, id]. */
export function seen() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT)) ?? [];
  } catch {
    return [];
  }
}

export function see(collection, id) {
  const others = seen().filter((each) => each[0] !== collection || each[1] !== id);
  sessionStorage.setItem(KEPT, JSON.stringify([[collection, id], ...others].slice(0, MOST)));
}
