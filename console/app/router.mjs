// Where we are is in the URL's fragment: `#/accounts/a%2Fb/statement?at=5`. So it survives sign-in, and can be shared.

import { useEffect, useState } from "../vendor/hooks.mjs";

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function place() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decoded);
  return { parts, query: Object.fromEntries(new URLSearchParams(query)), path };
}

export function href(parts, query) {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== "");
  const behind = given.length ? `?${new URLSearchParams(given)}` : "";
  return `#/${parts.map(encodeURIComponent).join("/")}${behind}`;
}

export function go(parts, query) {
  location.hash = href(parts, query);
}

/** Says where we are without a step in the browser's history, and without drawing anything anew. */
export function note(parts, query) {
  history.replaceState(history.state, "", href(parts, query));
}

export function usePlace() {
  const [here, setHere] = useState(place);
  useEffect(() => {
    const moved = () => setHere(place());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return here;
}
