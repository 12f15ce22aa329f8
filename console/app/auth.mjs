// Sign-in by authorization code with PKCE. Tokens live in sessionStorage: gone with the tab, and no other tab's.

const KEPT = "ledger.session";
const ASKED = "ledger.sign-in";
const EARLY_MS = 30_000;

let config = null;
let renewing = null;
let left = () => {};

/** Somebody is not signed in (any more), and no refresh token helped. */
export class SignedOut extends Error {}

/** Sign-in that went wrong; its text is for people. */
export class SignInFailed extends Error {}

export async function loadConfig() {
  if (config) return config;
  const answer = await fetch("config.json", { cache: "no-cache" });
  if (!answer.ok) throw new Error(`config.json: ${answer.status}`);
  config = await answer.json();
  return config;
}

const here = () => new URL("./", document.baseURI).href;

function read(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}

function encoded(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

const random = () => encoded(crypto.getRandomValues(new Uint8Array(32)));

function claims(token) {
  const part = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(part), (each) => each.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Who is signed in, as {name, subject}; null where nobody is. */
export function person() {
  const session = read(KEPT);
  return session && { name: session.name, subject: session.subject };
}

/** Whether the token has a scope, as far as can be seen: to tell beforehand what the API alone decides. */
export function may(scope) {
  try {
    const { scope: text, scp } = claims(read(KEPT).access);
    return [text, scp].flat().some((each) => each?.split(" ").includes(scope));
  } catch {
    return true;
  }
}

/** Leaves the page for the sign-in page, to come back to where we are. */
export async function signIn() {
  const { authorizeUrl, clientId, scopes } = await loadConfig();
  const asked = { state: random(), nonce: random(), verifier: random(), back: location.hash };
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(asked.verifier));
  sessionStorage.setItem(ASKED, JSON.stringify(asked));
  const address = new URL(authorizeUrl);
  address.search = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: here(),
    scope: scopes.join(" "),
    state: asked.state,
    nonce: asked.nonce,
    code_challenge: encoded(new Uint8Array(digest)),
    code_challenge_method: "S256",
  });
  location.assign(address);
}

/** Takes the code that the sign-in page sent us back with, if it did. */
export async function comeBack() {
  const given = new URLSearchParams(location.search);
  if (!given.has("code") && !given.has("error")) return;
  const asked = read(ASKED);
  sessionStorage.removeItem(ASKED);
  history.replaceState(null, "", here() + (asked?.back ?? ""));
  if (!asked || given.get("state") !== asked.state) {
    throw new SignInFailed("This answer of the sign-in page is to a question that was not asked here.");
  }
  if (given.has("error")) throw new SignInFailed(`The sign-in page says: ${given.get("error")}.`);
  const told = await tokens({
    grant_type: "authorization_code",
    code: given.get("code"),
    redirect_uri: here(),
    code_verifier: asked.verifier,
  });
  if (!told) throw new SignInFailed("The code of the sign-in page was not taken.");
  if (told.id_token && claims(told.id_token).nonce !== asked.nonce) {
    throw new SignInFailed("The token belongs to another sign-in.");
  }
  keep(told, null);
}

/** The answer of the token endpoint; null where it refuses. */
async function tokens(form) {
  const { tokenUrl, clientId } = await loadConfig();
  const answer = await fetch(tokenUrl, { method: "POST", body: new URLSearchParams({ client_id: clientId, ...form }) });
  if (answer.status >= 500) throw new TypeError(`the token endpoint answers ${answer.status}`);
  return answer.ok ? answer.json() : null;
}

function keep(told, before) {
  const { sub, ...known } = claims(told.id_token ?? told.access_token);
  const name = known["cognito:username"] ?? known.preferred_username ?? known.username ?? known.email ?? sub;
  const session = {
    access: told.access_token,
    refresh: told.refresh_token ?? before?.refresh,
    until: Date.now() + 1000 * (told.expires_in ?? 300),
    name,
    subject: sub,
  };
  sessionStorage.setItem(KEPT, JSON.stringify(session));
  return session.access;
}

/** An access token that is good for a while yet. SignedOut where there is none to be had. */
export async function accessToken({ renew = false } = {}) {
  const session = read(KEPT);
  if (!session) throw new SignedOut();
  if (!renew && session.until - EARLY_MS > Date.now()) return session.access;
  renewing ??= renewed(session).finally(() => {
    renewing = null;
  });
  return renewing;
}

async function renewed(session) {
  const told = session.refresh
    ? await tokens({ grant_type: "refresh_token", refresh_token: session.refresh })
    : null;
  if (!told) {
    forget();
    throw new SignedOut();
  }
  return keep(told, session);
}

/** Tells `listener` when tokens are good for nothing any more. */
export function onSignedOut(listener) {
  left = listener;
}

/** The session is over, and cannot be renewed. */
export function forget() {
  sessionStorage.removeItem(KEPT);
  left();
}

/** Forgets the tokens, and leaves for the provider's own sign-out where it has one. */
export async function signOut() {
  sessionStorage.removeItem(KEPT);
  const { logoutUrl, clientId } = await loadConfig();
  if (!logoutUrl) return location.assign(here());
  const address = new URL(logoutUrl);
  address.search = new URLSearchParams({ client_id: clientId, logout_uri: here() });
  return location.assign(address);
}
