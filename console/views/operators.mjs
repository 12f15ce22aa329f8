// What all views for operators are made of.

import { useEffect, useState } from "../vendor/hooks.mjs";
import { may } from "../app/auth.mjs";
import { html, Loading, Problem, Time } from "../app/ui.mjs";

const OPERATE = "ledger/operate";

export const mayOperate = () => may(OPERATE);

/** Why a button of operators' is not there for somebody. */
export function Reserved({ id }) {
  return html`<p class="hint" id=${id}>This is for operators: your groups do not give you the scope <code>${OPERATE}</code>.</p>`;
}

export const many = (count, one) => `${count} ${one}${String(count) === "1" ? "" : "s"}`;

/** When it was looked, and a button to look again. What is looked at anew by itself shows its first look alone. */
export function Again({ found, what, at }) {
  return html`<div class="actions">
      <button type="button" disabled=${found.loading && !found.following} onClick=${found.reload}>Look again</button>
      ${at && html`<span class="quiet">As of <${Time} at=${at} /></span>`}
    </div>
    <${Problem} error=${found.error} />
    ${found.loading && !(found.following && found.content) && html`<${Loading} what=${what} />`}`;
}

/** Looks again after a while, for as long as something moves and somebody sees it. */
export function useFollowing(found, moving, pauseMs) {
  useEffect(() => {
    if (!moving || found.loading || found.error) return undefined;
    const timer = setInterval(() => document.visibilityState === "visible" && found.reload(), pauseMs);
    return () => clearInterval(timer);
  }, [moving, found.loading, found.error]);
  return { ...found, following: moving };
}

export const mark = (good, well, badly) => ({ good, text: good ? well : badly });

export function Facts({ name, mark: told, children }) {
  return html`<div class="measured">
    <h3>${name} ${told && html`<span class=${`status status-${told.good ? "completed" : "failed"}`}>${told.text}</span>`}</h3>
    <dl class="facts">${children}</dl>
  </div>`;
}

/** A button that asks whether one is sure: what `act` does is acted on. */
export function Twice({ text, name = text, question, sure, doing, leave, danger, act }) {
  const [asked, setAsked] = useState(false);
  const [sending, setSending] = useState(false);
  const [error, setError] = useState(null);
  const send = async () => {
    setSending(true);
    setError(null);
    try {
      await act();
    } catch (failure) {
      setError(failure);
    }
    setSending(false);
    setAsked(false);
  };
  const look = danger ? "primary danger" : "primary";
  if (!asked) {
    return html`<div class="actions"><button type="button" class=${danger ? "danger" : undefined} onClick=${() => setAsked(true)}>${text} …</button></div>
      <${Problem} error=${error} />`;
  }
  return html`<div class="actions" role="group" aria-label=${name}>
    <p>${question}</p>
    <button type="button" class=${look} disabled=${sending} ref=${(button) => button?.focus()} onClick=${send}>${sending ? doing : sure}</button>
    <button type="button" disabled=${sending} onClick=${() => setAsked(false)}>${leave}</button>
  </div>`;
}
